import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../../http/pagination'
import { text, Uuid } from '../../http/schemas'

export const MAX_ROOMS = 200

export const Room = z
  .object({ id: Uuid, name: z.string().max(100) })
  .openapi('Room', { example: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e30', name: 'Room 2' } })
export type Room = z.infer<typeof Room>

export const RoomPage = pageOf('Room', Room)
export const ListRoomsQuery = z.strictObject(pageFields)

export const CreateRoom = z
  .strictObject({
    name: text(100).openapi({ description: 'Unique in the clinic. Upper and lower case count as the same.' }),
  })
  .openapi('CreateRoom', { example: { name: 'Room 2' } })
export type CreateRoom = z.infer<typeof CreateRoom>

export const UpdateRoom = CreateRoom.partial().openapi('UpdateRoom', { example: { name: 'Room 2, first floor' } })
export type UpdateRoom = z.infer<typeof UpdateRoom>

export const RoomPath = z.strictObject({ id: Uuid, roomId: Uuid })
