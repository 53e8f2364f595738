import { AppError } from '../../errors'

/** A parser of deeper texts runs out of stack, which costs it many times the rest of its work. */
const MAX_TEXT_DEPTH = 2_000

/** Throws 400 for a text that is no JSON, or that is nested absurdly deep. */
export function parseJson(text: string): unknown {
  if (isDeeperThan(MAX_TEXT_DEPTH, text)) throw new AppError('malformed_json', 'The body is nested too deeply.')
  try {
    return JSON.parse(text)
  } catch {
    throw new AppError('malformed_json', 'The body is not valid JSON.')
  }
}

function isDeeperThan(max: number, text: string): boolean {
  if (text.length <= max) return false
  let depth = 0
  let inText = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (inText && char === '\\') i++
    else if (char === '"') inText = !inText
    else if (inText) continue
    else if (char === '[' || char === '{') {
      if (++depth > max) return true
    } else if (char === ']' || char === '}') depth--
  }
  return false
}
