import { assertManages, manages, maySeeDoctor } from '../access/doctors'
import type { Caller } from '../actor'
import { findPeople } from '../database/people-search'
import { lockResources } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { AppError, type IfMatch, invalid, notFound, requireVersion } from '../errors'
import { cursorId, cursorText, decodeCursor, type Page, toPage } from '../http/pagination'
import { findAtFormerClinics, findUpcoming } from '../scheduling/affected/service'
import { nextSlots } from '../scheduling/service'
import { assertPricesFit } from '../scheduling/visit-type-currencies'
import {
  type DoctorRow,
  findDoctorById,
  findDoctorForUpdate,
  foldDoctor,
  listClinicIds,
  listDoctors,
  listKnownClinicIds,
  replaceDoctorClinics,
  searchDoctors,
  updateDoctorRow,
  updateUserName,
} from './queries'
import { type Doctor, type ListDoctorsQuery, presentVisitType, type UpdateDoctor } from './schemas'

/** Shows the licence number only to the doctor and to admins. */
export const presentDoctor = (doctor: DoctorRow, actor: Caller | null): Doctor => ({
  id: doctor.id,
  name: doctor.name,
  specialization: doctor.specialization,
  ...(manages(actor, doctor.id) && { licenseNumber: doctor.licenseNumber }),
  bio: doctor.bio,
  verified: doctor.verifiedAt !== null,
  clinics: doctor.clinics,
  visitTypes: doctor.visitTypes.map(presentVisitType),
})

/** A page of doctors by name. Pending doctors are listed for admins only; others get an empty page. */
export async function findDoctors(
  ctx: Pick<Context<Caller | null>, 'db' | 'actor' | 'config' | 'now'>,
  { limit, cursor, status, include, q, ...filter }: ListDoctorsQuery,
): Promise<Page<Doctor>> {
  const [name, id] = decodeCursor(cursor, cursorText, cursorId) ?? []
  const after = name !== undefined && id !== undefined ? { name, id } : undefined
  if (status === 'pending' && ctx.actor?.role !== 'admin') return { data: [], nextCursor: null }
  const verified = status === 'pending' ? false : ctx.config.doctorVerification || undefined
  const wanted = [{ ...filter, verified }, { limit: limit + 1 }, after] as const
  const rows = await (q === undefined
    ? listDoctors(ctx.db, ...wanted)
    : findPeople(q, (search) => searchDoctors(ctx.db, search, ...wanted)))
  const keyOf = (row: DoctorRow) => [row.name, row.id]
  const page = toPage(rows, limit, keyOf, (row) => presentDoctor(row, ctx.actor))
  return include === 'nextSlot' ? { ...page, data: await withNextSlots(ctx, page.data) } : page
}

async function withNextSlots(ctx: Pick<Context<Caller | null>, 'db' | 'now'>, doctors: Doctor[]): Promise<Doctor[]> {
  const ids = doctors.map(({ id }) => id)
  const slots = await nextSlots(ctx, ids)
  return doctors.map((doctor) => ({ ...doctor, nextSlot: slots.get(doctor.id) ?? null }))
}

/** Throws not_found, also for a disabled or unverified doctor unless the caller is that doctor or an admin. */
export async function getDoctor(ctx: Pick<Context<Caller | null>, 'db' | 'actor' | 'config'>, id: string) {
  const doctor = await findDoctorById(ctx.db, { id })
  if (!doctor || !maySeeDoctor(ctx, doctor)) throw notFound('doctor')
  return doctor
}

/**
 * A new name becomes the name of the doctor's account too. Throws not_found, and forbidden when anyone but an admin changes
 * the licence number of a verified doctor.
 */
export async function updateDoctor(ctx: TransactionContext, id: string, changes: UpdateDoctor, ifMatch: IfMatch) {
  assertManages(ctx.actor, id)
  const doctor = await getDoctorForUpdate(ctx, id, ifMatch)
  if (changes.licenseNumber !== undefined && doctor.verifiedAt !== null && ctx.actor.role !== 'admin')
    throw new AppError('forbidden', 'Only an admin may change the licence number of a verified doctor.')
  await updateDoctorRow(ctx.db, id, { ...changes, folded: foldDoctor({ ...doctor, ...changes }) })
  if (changes.name !== undefined && doctor.userId !== null) await updateUserName(ctx.db, doctor.userId, changes.name)
  return getDoctor(ctx, id)
}

/**
 * Without `clinicIds` the doctor's clinics stay; with them, `outside` lists the upcoming appointments at clinics that the
 * doctor has left. Takes the locks of the doctor and of every clinic that the doctor joins or leaves. Throws not_found, 422
 * for an unknown clinic, and invalid_state if a price is in the currency of none of the clinics.
 */
export async function verifyDoctor(
  ctx: TransactionContext,
  id: string,
  clinicIds: string[] | undefined,
  ifMatch: IfMatch,
) {
  await lockResources(ctx.db, [id, ...(clinicIds ? [...clinicIds, ...(await listClinicIds(ctx.db, id))] : [])])
  if (clinicIds) await assertKnownClinics(ctx, clinicIds)
  const doctor = await getDoctorForUpdate(ctx, id, ifMatch)
  if (clinicIds) {
    await replaceDoctorClinics(ctx.db, id, clinicIds)
    await assertPricesFit(ctx.db, { doctorId: id })
  }
  await updateDoctorRow(ctx.db, id, { verifiedAt: doctor.verifiedAt ?? ctx.now })
  return { doctor: await getDoctor(ctx, id), outside: clinicIds && (await findAtFormerClinics(ctx, id)) }
}

/** Existing appointments stay; `affected` lists the upcoming ones. Takes the doctor's lock. Throws not_found. */
export async function unverifyDoctor(ctx: TransactionContext, id: string, ifMatch: IfMatch) {
  await lockResources(ctx.db, [id])
  await getDoctorForUpdate(ctx, id, ifMatch)
  await updateDoctorRow(ctx.db, id, { verifiedAt: null })
  return { doctor: await getDoctor(ctx, id), affected: await findUpcoming(ctx, id) }
}

async function getDoctorForUpdate(ctx: TransactionContext, id: string, ifMatch: IfMatch) {
  const doctor = await findDoctorForUpdate(ctx.db, id)
  if (!doctor) throw notFound('doctor')
  requireVersion(doctor, ifMatch)
  return doctor
}

async function assertKnownClinics(ctx: TransactionContext, ids: string[]): Promise<void> {
  const known = new Set(await listKnownClinicIds(ctx.db, ids))
  const unknown = ids.findIndex((id) => !known.has(id))
  if (unknown >= 0) throw invalid(`clinicIds.${unknown}`, 'must be the id of an existing clinic')
}
