import { newId } from '../../database/ids'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, notFound } from '../../errors'
import { countRooms, findClinicWithRooms, findRoom, insertRoom, retireRoomRow, updateRoomRow } from './queries'
import { type CreateRoom, MAX_ROOMS, type Room, type UpdateRoom } from './schemas'

/** Newest first. Throws not_found for an unknown clinic. */
export async function listRooms(ctx: Pick<Context, 'db'>, clinicId: string, page: { limit: number; after?: string }) {
  const clinic = await findClinicWithRooms(ctx.db, clinicId, page)
  if (!clinic) throw notFound('clinic')
  return clinic.rooms
}

/** Throws not_found, also for a retired room. */
export async function getRoom(ctx: Pick<Context, 'db'>, clinicId: string, id: string): Promise<Room> {
  const room = await findRoom(ctx.db, clinicId, id)
  if (!room) throw notFound('room')
  return room
}

/**
 * Takes the lock under which bookings choose a room of the clinic. Throws not_found, and invalid_state for a name in use or
 * above the limit.
 */
export async function createRoom(ctx: TransactionContext, clinicId: string, { name }: CreateRoom): Promise<Room> {
  await lockResources(ctx.db, [clinicId])
  const clinic = await countRooms(ctx.db, clinicId)
  if (!clinic) throw notFound('clinic')
  if (clinic.rooms >= MAX_ROOMS) throw new AppError('invalid_state', `A clinic can have at most ${MAX_ROOMS} rooms.`)
  const room = { id: newId(), name }
  await insertRoom(ctx.db, { ...room, clinicId, createdAt: ctx.now })
  return room
}

/** Throws not_found, and invalid_state for a name in use. */
export async function updateRoom(ctx: TransactionContext, clinicId: string, id: string, changes: UpdateRoom) {
  const room = await getRoom(ctx, clinicId, id)
  return changes.name === undefined ? room : updateRoomRow(ctx.db, id, changes)
}

/**
 * New visits do not get this room any more; existing ones keep it. Takes the lock under which bookings choose a room of the
 * clinic. Throws not_found.
 */
export async function retireRoom(ctx: TransactionContext, clinicId: string, id: string): Promise<void> {
  await lockResources(ctx.db, [clinicId])
  if (!(await retireRoomRow(ctx.db, clinicId, id, ctx.now))) throw notFound('room')
}
