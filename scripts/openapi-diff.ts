// Compares two OpenAPI documents, for a change that must alter texts only:
//   bun scripts/openapi.ts > before.json        (before the change)
//   bun scripts/openapi.ts > after.json         (after it)
//   bun scripts/openapi-diff.ts before.json after.json
// Prints every structural difference and the number of text differences. Exit code: 0 when the structure is the same, 1
// when it is not, 2 when the documents cannot be read. The order of keys does not matter.

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Members = { [key: string]: Json }

export type Differences = { structural: string[]; texts: string[] }

/** Keys whose text is for readers only. */
const TEXTS = new Set(['summary', 'description'])
const EXAMPLES = new Set(['example', 'examples'])
/** Their keys are names chosen by this API, so a property called `description` is no text. */
const NAMES = new Set(['properties', 'schemas', 'responses', 'headers', 'content', 'links', 'paths', 'securitySchemes'])

/** Differences by their place in the document, such as `paths./clinics.get.operationId`. */
export function compareDocuments(before: unknown, after: unknown): Differences {
  const found: Differences = { structural: [], texts: [] }
  // A document is JSON.
  compare(before as Json, after as Json, { place: '', isNames: false, isExample: false, isText: false }, found)
  return found
}

type Position = { place: string; isNames: boolean; isExample: boolean; isText: boolean }

function compare(before: Json | undefined, after: Json | undefined, at: Position, found: Differences): void {
  const [left, right] = [membersOf(before, at), membersOf(after, at)]
  if (left && right) {
    compareMembers(left, right, { ...at, isNames: at.isNames || Array.isArray(before) }, found)
    return
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return
  const isExampleText = at.isExample && typeof before === 'string' && typeof after === 'string'
  if (at.isText || isExampleText) found.texts.push(at.place)
  else found.structural.push(`${at.place}: ${show(before)} → ${show(after)}`)
}

function compareMembers(before: Members, after: Members, at: Position, found: Differences): void {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const isKeyword = !at.isNames && !at.isExample
    const position = {
      place: at.place === '' ? key : `${at.place}.${key}`,
      isNames: isKeyword && NAMES.has(key),
      isExample: at.isExample || (isKeyword && EXAMPLES.has(key)),
      isText: isKeyword && TEXTS.has(key),
    }
    compare(before[key], after[key], position, found)
  }
}

/** The members of an object; those of a list by index or, outside of examples, by what names an item. */
function membersOf(value: Json | undefined, { isExample }: Position): Members | undefined {
  if (Array.isArray(value))
    return Object.fromEntries(value.map((item, index) => [(!isExample && nameOf(item)) || `${index}`, item]))
  return typeof value === 'object' && value !== null ? value : undefined
}

/** Parameters and tags have a name; an item of `required` or `enum` is its own. */
function nameOf(item: Json): string | undefined {
  if (typeof item === 'string') return item
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return undefined
  return typeof item.name === 'string' ? [item.in, item.name].filter(Boolean).join(' ') : undefined
}

function show(value: Json | undefined): string {
  if (value === undefined) return 'absent'
  const text = JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

async function run(files: string[]): Promise<number> {
  if (files.length !== 2) {
    console.error('Name two files: bun scripts/openapi-diff.ts before.json after.json')
    return 2
  }
  const [before, after] = await Promise.all(files.map((file) => Bun.file(file).json()))
  const { structural, texts } = compareDocuments(before, after)
  for (const line of structural) console.log(line)
  console.log(`${structural.length} structural differences, ${texts.length} text differences`)
  return structural.length === 0 ? 0 : 1
}

if (import.meta.main)
  process.exitCode = await run(process.argv.slice(2)).catch((error) => {
    console.error(`The documents cannot be compared: ${error.message}`)
    return 2
  })
