declare module '../jobs/queues' {
  interface JobPayloads {
    /** A refund that the ledger has and the provider may not know yet. */
    'payments.refund': { refundId: string }
    /** A payment that the provider must not take any more. */
    'payments.release': { paymentId: string }
  }
}

export {}
