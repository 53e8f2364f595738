/** An address of MongoDB of which nobody waits three seconds for an answer; longer than the driver's pause between two tries. */
export const impatient = (uri: string) => `${uri}${uri.includes('?') ? '&' : '?'}serverSelectionTimeoutMS=800`
