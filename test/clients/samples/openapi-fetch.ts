import createClient from 'openapi-fetch'
import type { paths } from './generated/openapi-typescript'

const api = createClient<paths>({ baseUrl: 'http://127.0.0.1:3000' })

export async function book(doctorId: string, startsAt: string): Promise<string[]> {
  const { data, error } = await api.POST('/appointments', { body: { doctorId, startsAt } })
  if (data) return [data.id]
  if (error.code === 'slot_taken') {
    // @ts-expect-error: they are slots
    const wrong: number | undefined = error.alternatives
    // @ts-expect-error: these belong to not_bookable
    const others = error.rules
    return error.alternatives?.map((slot) => slot.startsAt) ?? [String(wrong), String(others)]
  }
  if (error.code === 'not_bookable') {
    // @ts-expect-error: these belong to slot_taken
    const others = error.alternatives
    return error.rules?.filter(({ pass }) => !pass).map(({ rule }) => rule) ?? [String(others)]
  }
  // @ts-expect-error: this operation has no such code
  if (error.code === 'payment_exists') return []
  return [error.detail]
}

export async function pay(appointmentId: string): Promise<string> {
  const { data, error } = await api.POST('/payments', { body: { appointmentId, method: 'cash' } })
  if (data) return data.id
  if (error.code === 'payment_exists') {
    // @ts-expect-error: it is a string
    const wrong: number | undefined = error.paymentId
    return error.paymentId ?? String(wrong)
  }
  // @ts-expect-error: it belongs to payment_exists
  return String(error.paymentId)
}
