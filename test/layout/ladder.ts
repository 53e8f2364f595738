import type { Source } from './sources'

/**
 * The folders and top-level files of src, lowest first. Code imports only from lower rungs, types included; names on one
 * rung never import each other.
 */
export const LADDER: readonly (readonly string[])[] = [
  ['actor', 'errors', 'log', 'metrics', 'ip-address'],
  ['config', 'repeating-tasks'],
  ['database'],
  ['system-context', 'jobs', 'access'],
  ['http'],
  ['records', 'scheduling', 'ledger'],
  ['clinics', 'doctors', 'patients'],
  ['audit', 'auth'],
  ['appointments'],
  ['payments', 'waitlist'],
  ['privacy'],
  ['app', 'open-deps', 'maintenance', 'job-handlers'],
  ['start'],
  ['commands', 'index'],
]

/** Types only: `deps` names what features may ask for, `schema` every table. Anybody may import them. */
const EVERYWHERE = new Set(['src/deps', 'src/database/schema'])

const RUNG = new Map(LADDER.flatMap((names, rung) => names.map((name) => [name, rung] as const)))

/** `src/doctors/visit-types/queries.ts` → `doctors`, `src/app.ts` → `app`. */
const nameOf = (path: string) => path.split('/')[1]!.replace(/\.ts$/, '')
const idOf = (path: string) => path.replace(/\.ts$/, '')
const inSrc = (path: string) => path.startsWith('src/')

/** Each import that goes up or sideways, as `path: reason`. */
export function findUpwardImports(files: Source[]): string[] {
  return files
    .filter(({ path }) => inSrc(path) && !EVERYWHERE.has(idOf(path)))
    .flatMap(({ path, imports }) => {
      const from = nameOf(path)
      if (!RUNG.has(from)) return [`${path}: ${from} is not on the ladder`]
      return imports
        .filter(({ own, target }) => own && inSrc(target) && !EVERYWHERE.has(target) && nameOf(target) !== from)
        .filter(({ target }) => !(RUNG.get(nameOf(target))! < RUNG.get(from)!))
        .map(({ target }) => `${path}: ${from} is not above ${nameOf(target)} (${target})`)
    })
}

/** Circles of files, types included, each as the files of it. */
export function findCircles(files: Source[]): string[][] {
  return circlesOf(graphOf(files, (path) => idOf(path), false))
}

/** Each import within a circle of folders (or top-level files) of src; `deps` and `schema` name types of all of them. */
export function findFolderCircles(files: Source[]): string[] {
  const counted = files.filter(({ path }) => inSrc(path) && !EVERYWHERE.has(idOf(path)))
  return circlesOf(graphOf(counted, nameOf, true)).flatMap((circle) =>
    counted
      .filter(({ path }) => circle.includes(nameOf(path)))
      .flatMap(({ path, imports }) =>
        imports
          .filter(
            ({ own, target }) => own && inSrc(target) && !EVERYWHERE.has(target) && nameOf(target) !== nameOf(path),
          )
          .filter(({ target }) => circle.includes(nameOf(target)))
          .map(({ target }) => `${path}: is in a circle of ${circle.join(', ')} (${target})`),
      ),
  )
}

function graphOf(files: Source[], nodeOf: (path: string) => string, bySource: boolean): Map<string, Set<string>> {
  const ours = files.filter(({ path }) => inSrc(path))
  const known = new Set(ours.map(({ path }) => idOf(path)))
  const graph = new Map<string, Set<string>>()
  for (const { path, imports } of ours) {
    const from = nodeOf(path)
    const targets = graph.get(from) ?? new Set()
    graph.set(from, targets)
    for (const { own, target } of imports) {
      if (!own || !known.has(target) || (bySource && EVERYWHERE.has(target))) continue
      if (nodeOf(target) !== from) targets.add(nodeOf(target))
    }
  }
  return graph
}

/** Strongly connected components of more than one node (Tarjan 1972). */
function circlesOf(graph: Map<string, Set<string>>): string[][] {
  const found: string[][] = []
  const index = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []

  function visit(node: string): void {
    index.set(node, index.size)
    lowest.set(node, index.get(node)!)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) visit(next)
      if (stack.includes(next)) lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!))
    }
    if (lowest.get(node) !== index.get(node)) return
    const circle = stack.splice(stack.indexOf(node))
    if (circle.length > 1) found.push(circle)
  }

  for (const node of graph.keys()) if (!index.has(node)) visit(node)
  return found
}
