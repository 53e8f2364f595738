import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

type Node = { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }
/** A .cpuprofile file; times are microseconds. */
export type Profile = { nodes: Node[]; startTime: number; samples: number[]; timeDeltas: number[] }

export type Share = { name: string; selfMs: number; totalMs: number }

/** The time of `profile` between two moments (microseconds) by file and by function; totals include what was called from there. */
export function sharesOf(
  profile: Profile,
  root: string,
  [from, until]: [number, number],
): { files: Share[]; functions: Share[]; ms: number } {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  )
  const files = new Map<string, Share>()
  const functions = new Map<string, Share>()
  let time = profile.startTime
  let ms = 0
  profile.samples.forEach((id, i) => {
    const took = profile.timeDeltas[i]! / 1000
    time += profile.timeDeltas[i]!
    if (time < from || time > until) return
    ms += took
    const stack: Node[] = []
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) stack.push(nodes.get(at)!)
    add(files, stack.map(fileOf(root)), took)
    add(functions, stack.map(functionOf(root)), took)
  })
  return { files: sorted(files), functions: sorted(functions), ms }
}

/** `names` from the innermost; a name that is called from itself counts once. */
function add(shares: Map<string, Share>, names: string[], took: number): void {
  for (const name of new Set(names)) {
    const share = shares.get(name) ?? { name, selfMs: 0, totalMs: 0 }
    shares.set(name, share)
    share.totalMs += took
    if (name === names[0]) share.selfMs += took
  }
}

const sorted = (shares: Map<string, Share>) => [...shares.values()].sort((a, b) => b.selfMs - a.selfMs)

/** Own files by path, packages by name, and what the engine does itself as `(native)`. */
const fileOf =
  (root: string) =>
  ({ callFrame: { url } }: Node): string => {
    if (!url.startsWith('file:')) return url || '(native)'
    const path = relative(root, fileURLToPath(url))
    return path.replace(/^.*node_modules\/((?:@[^/]+\/)?[^/]+)\/.*$/, '$1')
  }

const functionOf =
  (root: string) =>
  (node: Node): string => {
    const { functionName, lineNumber } = node.callFrame
    const file = fileOf(root)(node)
    const line = lineNumber >= 0 ? `:${lineNumber + 1}` : ''
    return `${functionName || '(anonymous)'} ${file}${line}`
  }
