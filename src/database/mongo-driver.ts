/**
 * The driver of MongoDB, loaded by the first call. It is a quarter of what a start would load, and `require` loads it at
 * once: it is needed in functions that do not wait, and an error can be the driver's only if it has been loaded.
 */
export const mongoDriver = () => require('mongodb') as typeof import('mongodb')
