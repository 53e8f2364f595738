import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Each worker has its own databases and takes a gigabyte of memory with them. */
const MOST = 4

/**
 * Turns a plain `bun test` into a run with a worker for each core, in the same process: Bun 1.4 reads the number of
 * workers only from its command line (oven-sh/bun#38728). Any other command line is left unchanged.
 */
export function useEveryCore(): void {
  const workers = Math.min(availableParallelism(), MOST)
  if (workers === 1 || !/\bbun(\.exe)? test$/.test(commandLine())) return
  const command = [process.execPath, 'test', `--parallel=${workers}`, '--no-isolate']
  process.execve?.(process.execPath, command, process.env)
}

function commandLine(): string {
  if (process.platform !== 'linux')
    return Bun.spawnSync(['ps', '-o', 'args=', '-p', `${process.pid}`])
      .stdout.toString()
      .trim()
  return readFileSync('/proc/self/cmdline', 'utf8').split('\0').join(' ').trim()
}
