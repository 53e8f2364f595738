/** A MongoDB URI with a short server selection timeout, still longer than the driver's pause between two attempts. */
export const impatient = (uri: string) => `${uri}${uri.includes('?') ? '&' : '?'}serverSelectionTimeoutMS=800`
