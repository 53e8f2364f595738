/** What a signed-in user may be. */
export type Role = 'patient' | 'doctor' | 'admin'

/** A signed-in user, as their access token says. */
export type Caller = { userId: string; sessionId: string; role: Role; patientId?: string; doctorId?: string }

/** Who acts: a signed-in user, or the system itself in a job, a webhook or a repeating task. */
export type Actor = Caller | 'system'

export type Clock = () => Date
