import { expect } from 'bun:test'
import { ProviderError, type ProviderErrorKind } from '../../../src/ledger/provider'

/** The call ends with a ProviderError of this kind; it is given back. */
export async function fails(kind: ProviderErrorKind, call: Promise<unknown>): Promise<ProviderError> {
  const [error, value] = await call.then(
    (answer) => [undefined, answer],
    (thrown: unknown) => [thrown, undefined],
  )
  expect(error ?? { answered: value }).toBeInstanceOf(ProviderError)
  expect(error).toMatchObject({ kind })
  return error as ProviderError
}
