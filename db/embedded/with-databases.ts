// `bun dev`: `bun db/embedded/with-databases.ts -- <command>`. For development only.
import { migrate } from '../migrate'
import { runCommandLine } from './command-line'

await runCommandLine({
  migrate,
  // Imported only when needed: it loads the whole application.
  seed: async (environment, print) => (await import('../seed')).seed(environment, print),
})
