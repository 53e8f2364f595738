import { idOf, type ReplayRule } from '../http/operations/replay'
import { findWaitlistEntry } from './queries'

export const READABLE_ENTRY: ReplayRule = {
  thing: 'entry',
  mayRead: async ({ db, actor }, answered) => {
    const id = idOf(answered)
    return id !== undefined && (await findWaitlistEntry(db, actor, { id })) !== undefined
  },
}
