/** Payloads of this feature's background jobs. */
export type WaitlistJobs = { 'waitlist.time_freed': TimeFreed }

/** Time of a doctor that was taken and no longer is. Instants are ISO 8601. */
export type TimeFreed = {
  /** Whose time it was; its row may say something else by now. */
  appointmentId: string
  was: 'held' | 'booked'
  doctorId: string
  clinicId: string
  startsAt: string
}
