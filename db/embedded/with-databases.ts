// What `bun dev` is: `bun db/embedded/with-databases.ts -- <command>`. For development only.
import { migrate } from '../migrate'
import { runCommandLine } from './command-line'

await runCommandLine({
  migrate,
  // Only a first start needs it, and it brings the application with it.
  seed: async (environment, print) => (await import('../seed')).seed(environment, print),
})
