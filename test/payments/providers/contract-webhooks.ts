import { describe, expect, test } from 'bun:test'
import { type Contract, newId, newRequest } from './contract-world'
import { fails } from './fails'

/** The events that webhooks report, and the signatures that are accepted. */
export function describeWebhooks(t: Contract): void {
  describe('webhooks', () => {
    const verify = ({ rawBody, headers }: { rawBody: string; headers: Headers }, now = t.world.now) =>
      t.provider.verifyWebhook(rawBody, headers, now)
    const takeEvents = async () => Promise.all((await t.world.takeWebhooks()).map((delivery) => verify(delivery)))
    const takeOne = async () => {
      const { ref } = await t.createPaid()
      const deliveries = await t.world.takeWebhooks()
      for (const delivery of deliveries) {
        const event = await verify(delivery)
        if (event.type === 'payment' && event.payment.status === 'succeeded') return { ref, delivery, event }
      }
      throw new Error('no webhook of the payment')
    }

    test.each([
      ['succeed', 'succeeded'],
      ['fail', 'failed'],
      ['require_action', 'requires_action'],
    ] as const)('a webhook reports a payment with the payer outcome %s', async (outcome, status) => {
      const request = newRequest()
      const { ref } = await t.provider.createPayment(request)
      await t.world.pay(ref, outcome)
      const events = (await takeEvents()).filter((event) => event.type === 'payment')
      expect(events.at(-1)).toMatchObject({
        id: expect.any(String),
        occurredAt: t.world.now,
        payment: { ref, paymentId: request.paymentId, status, amount: 9500, currency: 'USD' },
      })
      expect(JSON.stringify(events)).not.toContain('secret')
    })

    test('a webhook reports a cancelled payment', async () => {
      const { ref } = await t.create()
      await t.provider.cancelPayment(ref, newId())
      const last = (await takeEvents()).at(-1)
      expect(last).toMatchObject({ type: 'payment', payment: { ref, status: 'cancelled' } })
    })

    test('one webhook reports a refund, with the same content as the answer', async () => {
      const { ref } = await t.createPaid()
      const refund = await t.provider.refund(t.refundOf(ref, 1200))
      const refunds = (await takeEvents()).filter((event) => event.type === 'refund')
      expect(refunds).toMatchObject([{ refund }])
    })

    test('a repeated webhook is read as the same event, and each event has its own id', async () => {
      const { delivery, event } = await takeOne()
      expect(await verify(delivery)).toEqual(event)
      await t.createPaid()
      const ids = (await takeEvents()).map(({ id }) => id)
      expect(new Set([...ids, event.id]).size).toBe(ids.length + 1)
    })

    test('a webhook signed with the second active secret is accepted', async () => {
      const { delivery, event } = await takeOne()
      const headers = await t.world.sign(delivery.rawBody, t.world.secrets[1], t.world.now)
      expect(await verify({ ...delivery, headers })).toEqual(event)
    })

    test('a webhook signed with an unknown secret is refused', async () => {
      const { delivery } = await takeOne()
      for (const secret of ['whsec_retired', `${t.world.secrets[0]}x`]) {
        const headers = await t.world.sign(delivery.rawBody, secret, t.world.now)
        await fails('bad_signature', verify({ ...delivery, headers }))
      }
    })

    test('a webhook without a signature, or with half a signature, is refused', async () => {
      const { delivery } = await takeOne()
      await fails('bad_signature', verify({ ...delivery, headers: new Headers() }))
      const [[name, value = ''] = ['']] = [...(await t.world.sign(delivery.rawBody, t.world.secrets[0], t.world.now))]
      for (const part of ['', value.slice(0, -1), value.slice(value.length / 2), value.replaceAll('=', '')])
        await fails('bad_signature', verify({ ...delivery, headers: new Headers({ [name]: part }) }))
    })

    test('a webhook with a changed body is refused', async () => {
      const { delivery } = await takeOne()
      const { rawBody } = delivery
      for (const changed of [
        rawBody.replace('9500', '9501'),
        `${rawBody} `,
        JSON.stringify(JSON.parse(rawBody), null, 1),
      ])
        await fails('bad_signature', verify({ ...delivery, rawBody: changed }))
    })

    test('a webhook is accepted up to 300 seconds before or after its signature', async () => {
      const { delivery, event } = await takeOne()
      expect(await verify(delivery, t.at(300))).toEqual(event)
      expect(await verify(delivery, t.at(-300))).toEqual(event)
      await fails('bad_signature', verify(delivery, t.at(301)))
      await fails('bad_signature', verify(delivery, t.at(-301)))
    })

    test('a webhook of an unknown kind is read as unknown', async () => {
      const rawBody = t.world.otherEvent()
      const headers = await t.world.sign(rawBody, t.world.secrets[0], t.world.now)
      expect(await verify({ rawBody, headers })).toEqual({
        type: 'unknown',
        id: expect.any(String),
        name: expect.any(String),
        occurredAt: t.world.now,
      })
    })

    test.each(['', 'null', '[]', '{}', '{"id":1}', 'not json', '{"id":"evt_1","object":"event"}'])(
      'a signed webhook with a malformed body is rejected: %s',
      async (rawBody) => {
        const headers = await t.world.sign(rawBody || ' ', t.world.secrets[0], t.world.now)
        await fails('rejected', verify({ rawBody: rawBody || ' ', headers }))
      },
    )
  })
}
