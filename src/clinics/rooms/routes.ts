import type { Deps } from '../../deps'
import { answer, noContent } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { cursorId, decodeCursor, toPage } from '../../http/pagination'
import { ClinicPath } from '../schemas'
import { CreateRoom, ListRoomsQuery, Room, RoomPage, RoomPath, UpdateRoom } from './schemas'
import { createRoom, getRoom, listRooms, retireRoom, updateRoom } from './service'

const listRoomsOperation = operation({
  method: 'get',
  path: '/clinics/{id}/rooms',
  tag: 'Clinics',
  operationId: 'listRooms',
  summary: 'List clinic rooms',
  description: 'Rooms for visits that need one, newest first.',
  access: 'signed_in',
  who: 'anyone signed in',
  params: ClinicPath,
  query: ListRoomsQuery,
  answer: { status: 200, description: 'A page of rooms', schema: RoomPage },
})

const getRoomOperation = operation({
  method: 'get',
  path: '/clinics/{id}/rooms/{roomId}',
  tag: 'Clinics',
  operationId: 'getRoom',
  summary: 'Read a room',
  description: 'Returns one room of the clinic. A deleted room is not found.',
  access: 'signed_in',
  who: 'anyone signed in',
  params: RoomPath,
  answer: { status: 200, description: 'The room', schema: Room },
})

const createRoomOperation = operation({
  method: 'post',
  path: '/clinics/{id}/rooms',
  tag: 'Clinics',
  operationId: 'createRoom',
  summary: 'Add a room',
  description:
    'The name must differ from those of the other rooms of the clinic (409). A clinic can have at most 200 rooms (409).',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'room.create', action: 'C' },
  params: ClinicPath,
  body: CreateRoom,
  answer: { status: 201, description: 'The new room', schema: Room, headers: ['Location'] },
  problems: ['invalid_state'],
})

const updateRoomOperation = operation({
  method: 'patch',
  path: '/clinics/{id}/rooms/{roomId}',
  tag: 'Clinics',
  operationId: 'updateRoom',
  summary: 'Rename a room',
  description: 'The name must differ from those of the other rooms of the clinic (409).',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'room.update', action: 'U' },
  params: RoomPath,
  body: UpdateRoom,
  answer: { status: 200, description: 'The changed room', schema: Room },
  problems: ['invalid_state'],
})

const deleteRoomOperation = operation({
  method: 'delete',
  path: '/clinics/{id}/rooms/{roomId}',
  tag: 'Clinics',
  operationId: 'deleteRoom',
  summary: 'Delete a room',
  description:
    'New visits no longer get this room, and its name can be used again. Existing appointments keep the room.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'room.delete', action: 'D' },
  params: RoomPath,
  answer: { status: 204, description: 'The room was deleted' },
})

export function roomRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listRoomsOperation, async (ctx, { params, query: { limit, cursor } }) => {
    const [after] = decodeCursor(cursor, cursorId) ?? []
    const rooms = await listRooms(ctx, params.id, { limit: limit + 1, after })
    return answer(
      toPage(
        rooms,
        limit,
        ({ id }) => [id],
        (room) => room,
      ),
    )
  })

  read(getRoomOperation, async (ctx, { params }) => answer(await getRoom(ctx, params.id, params.roomId)))

  mutation(createRoomOperation, READABLE_BY_ROLE, async (ctx, { params, body }) => {
    const room = await createRoom(ctx, params.id, body)
    return answer(room, { location: `/clinics/${params.id}/rooms/${room.id}`, audit: { targetId: room.id } })
  })

  mutation(updateRoomOperation, READABLE_BY_ROLE, async (ctx, { params, body }) => {
    const room = await updateRoom(ctx, params.id, params.roomId, body)
    return answer(room, { audit: { targetId: room.id } })
  })

  mutation(deleteRoomOperation, READABLE_BY_ROLE, async (ctx, { params }) => {
    await retireRoom(ctx, params.id, params.roomId)
    return noContent({ targetId: params.roomId })
  })

  return app
}
