import type { ReplayRule } from '../../http/operations/replay'
import { canRead } from '../service'
import type { ReceivedFile } from './service'

/** As for the record that it is attached to. */
export const READABLE_ATTACHMENT: ReplayRule<ReceivedFile> = {
  thing: 'attachment',
  mayRead: (ctx, _answered, { record }) => canRead(ctx, record),
}
