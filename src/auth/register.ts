import { violates } from '../database/constraints'
import { newId } from '../database/ids'
import type { TransactionContext } from '../deps'
import { registerDoctor } from '../doctors/register'
import { AppError } from '../errors'
import { registerPatient } from '../patients/register'
import type { HashedPassword } from './passwords/hashing'
import { insertUser, type NewUser, type UserRow } from './queries'
import type { Register, Tokens } from './schemas'
import { startSession } from './sessions/service'

/** Creates an account with its patient or doctor and signs the user in. Throws email_taken. */
export async function register(
  ctx: TransactionContext<null>,
  request: Register,
  hashed: HashedPassword,
): Promise<Tokens> {
  const { role, email, name, phone } = request
  const user = await createUser(ctx, { role, email, name, phone: phone ?? null }, hashed)
  if (request.role === 'patient') {
    const { dateOfBirth, gender, address } = request
    const person = { userId: user.id, email, name, phone, dateOfBirth, gender, address }
    const { id: patientId } = await registerPatient(ctx, person)
    return startSession(ctx, { ...user, patientId })
  }
  const { specialization, licenseNumber, fee, bio } = request
  const { id: doctorId } = await registerDoctor(ctx, {
    userId: user.id,
    name,
    specialization,
    licenseNumber,
    fee,
    bio,
  })
  return startSession(ctx, { ...user, doctorId })
}

/** Creates an active account. Throws email_taken; compares addresses without case. */
export async function createUser(
  ctx: Pick<TransactionContext<null>, 'db' | 'now'>,
  account: Pick<NewUser, 'role' | 'email' | 'name' | 'phone'>,
  hashed: HashedPassword,
): Promise<UserRow> {
  const user = { id: newId(), ...account, createdAt: ctx.now }
  try {
    await insertUser(ctx.db, { ...user, ...hashed })
  } catch (error) {
    if (violates(error, 'users_email_key'))
      throw new AppError('email_taken', 'An account with this email address already exists.')
    throw error
  }
  return { ...user, status: 'active', patientId: null, doctorId: null }
}
