declare module '../jobs/queues' {
  interface JobPayloads {
    /** A webhook that was stored. */
    'payments.event': { eventId: string }
  }
}

export {}
