/** A doctor's time that was occupied and is free now. Instants are ISO 8601. */
export type TimeFreed = {
  /** The appointment that had the time; its row may have changed since. */
  appointmentId: string
  was: 'held' | 'booked'
  doctorId: string
  clinicId: string
  startsAt: string
}

declare module '../jobs/queues' {
  interface JobPayloads {
    'waitlist.time_freed': TimeFreed
  }
}
