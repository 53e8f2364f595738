import type { FieldError } from '../../errors'

const MAX_DEPTH = 64
export const MAX_MEMBERS = 2_000
export const MAX_FREE_FORM_BYTES = 64 * 1024
export const MAX_FREE_FORM_MEMBERS = MAX_FREE_FORM_BYTES / 2
export const MAX_ERRORS = 50

type Count = { members: number; max: number; message: string }

export const TOO_MANY = `must not have more than ${MAX_MEMBERS} fields and list items`
export const TOO_LARGE = 'must not be larger than 64 KiB as JSON'

/**
 * Refuses what JSON allows but a database cannot store: NUL, lone surrogates, `__proto__`, very deep nesting. Counts
 * members while it walks and stops at the limit, so that its cost is bounded. `freeForm` names fields with their own limit.
 */
export function refuseUnstorable(value: unknown, path: string, freeForm: ReadonlySet<string>, errors: FieldError[]) {
  const count = { members: 0, max: MAX_MEMBERS, message: TOO_MANY }
  walk(value, path, 0, count, freeForm, errors)
}

const NONE: ReadonlySet<string> = new Set()

function walk(
  value: unknown,
  path: string,
  depth: number,
  count: Count,
  freeForm: ReadonlySet<string>,
  errors: FieldError[],
): void {
  const refuse = (message: string) => void errors.push({ path: path.slice(0, 200), message })
  if (errors.length >= MAX_ERRORS) return
  if (depth > MAX_DEPTH) refuse(`must not be nested deeper than ${MAX_DEPTH}`)
  else if (typeof value === 'string') {
    if (value.includes('\0')) refuse('must not contain the NUL character')
    else if (!value.isWellFormed()) refuse('must be well-formed Unicode')
  } else if (typeof value === 'object' && value !== null) walkMembers(value, path, depth, count, freeForm, errors)
}

function walkMembers(
  value: object,
  path: string,
  depth: number,
  count: Count,
  freeForm: ReadonlySet<string>,
  errors: FieldError[],
): void {
  const isList = Array.isArray(value)
  const keys: ArrayLike<string> = isList ? value : Object.keys(value)
  count.members += keys.length
  if (count.members > count.max) {
    errors.push({ path: path.slice(0, 200), message: count.message })
    return
  }
  for (let i = 0; i < keys.length && errors.length < MAX_ERRORS && count.members <= count.max; i++) {
    const key = isList ? String(i) : keys[i]!
    if (!isList && (key === '__proto__' || key.includes('\0') || !key.isWellFormed())) {
      errors.push({ path: path.slice(0, 200), message: 'has a field name that is not allowed' })
      continue
    }
    const member = isList ? value[i] : (value as Record<string, unknown>)[key]
    if (typeof member !== 'string' && (typeof member !== 'object' || member === null)) continue
    const memberPath = path === '' ? key : `${path}.${key}`
    const own = freeForm.has(key) ? { members: 0, max: MAX_FREE_FORM_MEMBERS, message: TOO_LARGE } : count
    walk(member, memberPath, depth + 1, own, NONE, errors)
  }
}
