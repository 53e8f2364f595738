declare module '../jobs/queues' {
  interface JobPayloads {
    /** Sends a refund of the ledger to its provider. */
    'payments.refund': { refundId: string }
    /** Cancels a released payment at its provider. */
    'payments.release': { paymentId: string }
  }
}

export {}
