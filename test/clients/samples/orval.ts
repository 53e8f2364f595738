import { bookAppointment, createPayment } from './generated/orval'

export async function book(doctorId: string, startsAt: string): Promise<string[]> {
  const answer = await bookAppointment({ doctorId, startsAt })
  if (answer.status === 201) return [answer.data.id]
  const error = answer.data
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
  const answer = await createPayment({ appointmentId, method: 'cash' })
  if (answer.status === 201) return answer.data.id
  const error = answer.data
  if (error.code === 'payment_exists') {
    // @ts-expect-error: it is a string
    const wrong: number | undefined = error.paymentId
    return error.paymentId ?? String(wrong)
  }
  // @ts-expect-error: it belongs to payment_exists
  return String(error.paymentId)
}
