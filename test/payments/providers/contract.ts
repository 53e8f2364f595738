import { afterAll, beforeAll, beforeEach, describe } from 'bun:test'
import { describeFaults } from './contract-faults'
import { describePayments } from './contract-payments'
import { describeRefunds } from './contract-refunds'
import { describeWebhooks } from './contract-webhooks'
import { createContract, type ProviderWorld } from './contract-world'

/**
 * The behaviour that the payment flow relies on. A new provider is complete when `describeProvider('name', setup)`
 * passes in its own test file; `setup` starts a server that speaks the provider's protocol. The tests of `sandbox` and
 * `stripe` are examples.
 */
export function describeProvider(name: string, setup: () => Promise<ProviderWorld>): void {
  describe(`contract of ${name}`, () => {
    let world: ProviderWorld
    beforeAll(async () => {
      world = await setup()
    })
    beforeEach(() => world.takeWebhooks())
    afterAll(() => world.close())

    const t = createContract(() => world)
    describePayments(t)
    describeRefunds(t)
    describeFaults(t)
    describeWebhooks(t)
  })
}
