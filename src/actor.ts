/** The roles of signed-in users. */
export type Role = 'patient' | 'doctor' | 'admin'

/** The signed-in user, as read from the access token. */
export type Caller = { userId: string; sessionId: string; role: Role; patientId?: string; doctorId?: string }

/** Who acts: a signed-in user, or the system itself in a job, a webhook or a repeating task. */
export type Actor = Caller | 'system'

export type Clock = () => Date

/** The part of a caller that decides what they may see. */
export type Identity = Pick<Caller, 'role' | 'userId' | 'doctorId'>
