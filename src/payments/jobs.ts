declare module '../jobs/queues' {
  interface JobPayloads {
    /** Processes a stored webhook event. */
    'payments.event': { eventId: string }
  }
}

export {}
