import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export type Image = {
  /** The folder that is `/` in the last stage. */
  root: string
  workdir: string
  base: string
  env: Record<string, string>
  labels: Record<string, string>
  user: string | undefined
  stopSignal: string | undefined
  healthcheck: string[]
  command: string[]
}

type Stage = Image & { name: string }

/**
 * Runs the steps of a Dockerfile without a container engine: each stage is an empty folder in `folder`, RUN is a shell in
 * it, and the base image is this machine. Supports the instructions that this project uses and throws on others.
 */
export async function followDockerfile(project: string, folder: string, env: Record<string, string>): Promise<Image> {
  const stages: Stage[] = []
  for (const [instruction, rest] of readInstructions(join(project, 'Dockerfile'))) {
    console.log(`${instruction} ${rest.length > 100 ? `${rest.slice(0, 100)}…` : rest}`)
    if (instruction === 'FROM') {
      stages.push(emptyStage(rest, folder, stages))
      continue
    }
    const stage = stages.at(-1)
    if (!stage) throw new Error('The Dockerfile does not begin with FROM.')
    await follow(stage, instruction, rest, { project, stages, env })
  }
  return stages.at(-1)!
}

/** Instructions without comments, with continued lines joined. */
function readInstructions(file: string): [string, string][] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => [line.split(' ', 1)[0]!.toUpperCase(), line.slice(line.indexOf(' ') + 1).trim()])
}

function emptyStage(from: string, folder: string, stages: Stage[]): Stage {
  const [, base, name = `${stages.length}`] = /^(\S+)(?: AS (\S+))?$/i.exec(from) ?? []
  if (!base) throw new Error(`FROM ${from}: unknown form`)
  const root = join(folder, name)
  mkdirSync(root, { recursive: true })
  const nothing = { env: {}, labels: {}, user: undefined, stopSignal: undefined, healthcheck: [], command: [] }
  return { name, base, root, workdir: '/', ...nothing }
}

type Build = { project: string; stages: Stage[]; env: Record<string, string> }

async function follow(stage: Stage, instruction: string, rest: string, build: Build): Promise<void> {
  switch (instruction) {
    case 'WORKDIR':
      stage.workdir = rest
      mkdirSync(join(stage.root, rest), { recursive: true })
      return
    case 'ENV': {
      const [name, value] = rest.split('=', 2)
      stage.env[name!] = value!
      return
    }
    case 'COPY':
      return copy(stage, rest, build)
    case 'RUN':
      return run(stage, rest, build.env)
    case 'USER':
      stage.user = rest
      return
    case 'STOPSIGNAL':
      stage.stopSignal = rest
      return
    case 'HEALTHCHECK':
      stage.healthcheck = JSON.parse(rest.slice(rest.indexOf('CMD ') + 4))
      return
    case 'CMD':
      stage.command = JSON.parse(rest)
      return
    case 'LABEL': {
      const [, name, value] = /^([\w.-]+)="(.*)"$/.exec(rest) ?? []
      if (name === undefined) throw new Error(`LABEL ${rest}: unknown form`)
      stage.labels[name] = value!
      return
    }
    case 'ARG':
    case 'EXPOSE':
      return
    default:
      throw new Error(`${instruction} is not supported: add it to scripts/dockerfile.ts`)
  }
}

function copy(stage: Stage, rest: string, { project, stages }: Build): void {
  const from = /^--from=(\S+) /.exec(rest)?.[1]
  const paths = rest.replace(/^--from=\S+ /, '').split(/\s+/)
  const target = paths.pop()!
  const source = from === undefined ? project : stages.find(({ name }) => name === from)?.root
  if (source === undefined) throw new Error(`COPY ${rest}: there is no stage ${from}`)
  const left = from === undefined ? readIgnored(project) : []
  const destination = join(stage.root, target.startsWith('/') ? '/' : stage.workdir, target)
  for (const path of paths) {
    const found = join(source, path)
    if (left.some((pattern) => new Bun.Glob(pattern).match(path.split('/')[0]!)) || !existsSync(found))
      throw new Error(`COPY ${rest}: ${path} is not in the build context`)
    // As Docker does: copies the content of a folder, or a file; a target that ends with a slash is a folder.
    cpSync(found, target.endsWith('/') ? join(destination, basename(path)) : destination, { recursive: true })
  }
}

const readIgnored = (project: string) =>
  readFileSync(join(project, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))

async function run(stage: Stage, command: string, env: Record<string, string>): Promise<void> {
  const shell = Bun.spawn(['/bin/sh', '-ec', command], {
    cwd: join(stage.root, stage.workdir),
    env: { ...env, ...stage.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [output, problem, code] = await Promise.all([
    new Response(shell.stdout).text(),
    new Response(shell.stderr).text(),
    shell.exited,
  ])
  if (code !== 0) throw new Error(`RUN ${command} ended with ${code}:\n${output}${problem}`)
}

/** All files of the image below its working directory. */
export const filesOf = ({ root, workdir }: Image): string[] =>
  readdirSync(join(root, workdir), { recursive: true }) as string[]
