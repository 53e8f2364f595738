/** Environment variables, as they were given. */
export type Given = Record<string, string | undefined>

/** All settings that are keys; any two of them must differ. */
export const SECRETS = [
  'JWT_ACCESS_SECRET',
  'JWT_REFRESH_SECRET',
  'PASSWORD_PEPPER',
  'AUDIT_SIGNING_KEY',
  'JWT_ACCESS_SECRET_PREVIOUS',
  'JWT_REFRESH_SECRET_PREVIOUS',
] as const

const GUESSABLE = /change[-_ ]?me|secret|password|example|default|^(.)\1*$/i

/** Rules for the secrets of a real clinic. */
export function weakSecrets(given: Given): string[] {
  return SECRETS.flatMap((key, i) => {
    const value = given[key]
    if (value === undefined) return []
    return [
      ...(new TextEncoder().encode(value).length < 32 ? [`${key} must have at least 32 bytes`] : []),
      ...(GUESSABLE.test(value) ? [`${key} looks like a placeholder: use random bytes`] : []),
      ...SECRETS.slice(i + 1).flatMap((other) => (value === given[other] ? [`${key} and ${other} must differ`] : [])),
    ]
  })
}

/** A previous secret that is still in use under another name is a mistake in every environment. */
export function previousSecretProblems(given: Given): string[] {
  return SECRETS.filter((key) => key.endsWith('_PREVIOUS') && given[key] !== undefined).flatMap((key) =>
    [...SECRETS, 'PASSWORD_PEPPER_PREVIOUS']
      .filter((other) => other !== key && given[other] === given[key])
      .map((other) => `${key} and ${other} must differ`),
  )
}

export function pepperProblems(given: Given): string[] {
  const { PASSWORD_PEPPER: pepper, PASSWORD_PEPPER_PREVIOUS: previous, PASSWORD_PEPPER_VERSION: version } = given
  if (previous === undefined) return []
  if (previous === pepper) return ['PASSWORD_PEPPER_PREVIOUS and PASSWORD_PEPPER must differ']
  const first = version === undefined || Number(version) === 1
  return first ? ['PASSWORD_PEPPER_VERSION must be raised when the pepper changes'] : []
}
