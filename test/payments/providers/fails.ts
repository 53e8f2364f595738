import { expect } from 'bun:test'
import { ProviderError, type ProviderErrorKind } from '../../../src/ledger/provider'

/** Expects a ProviderError of this kind and returns it. */
export async function fails(kind: ProviderErrorKind, call: Promise<unknown>): Promise<ProviderError> {
  const [error, value] = await call.then(
    (answer) => [undefined, answer],
    (thrown: unknown) => [thrown, undefined],
  )
  expect(error ?? { answered: value }).toBeInstanceOf(ProviderError)
  expect(error).toMatchObject({ kind })
  return error as ProviderError
}
