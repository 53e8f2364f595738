/** Time of a doctor that was occupied and is free now. Instants are ISO 8601. */
export type TimeFreed = {
  /** Whose time it was; its row may have changed by now. */
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
