/** Letters, digits and `_'+-.`, then a domain of at least two labels, the last one of letters or punycode. */
const PATTERN = /^(?:[\w'+-]+\.)*[\w'+-]*[\w+-]@(?:[a-z0-9][a-z0-9-]*\.)+(?:[a-z]{2,}|xn--[a-z0-9-]+)$/i

export const isEmailAddress = (text: string) => PATTERN.test(text)

/** Writes a domain in other scripts in ASCII (UTS 46), so that both forms of a mailbox are one address. */
export function withAsciiDomain(email: string): string {
  const at = email.lastIndexOf('@')
  const domain = email.slice(at + 1)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  if (/^[\x00-\x7f]*$/.test(domain) || /[\s/:?#\\[\]]/.test(domain) || !URL.canParse(`http://${domain}`)) return email
  return `${email.slice(0, at)}@${new URL(`http://${domain}`).hostname}`
}
