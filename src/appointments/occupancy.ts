import type { TimeRange } from '../scheduling/ranges'
import type { OccupancyTable } from './tables'

/** One busy range of an appointment, to be written as a row of `occupancy`. */
export type Occupancy = Pick<OccupancyTable, 'kind' | 'resourceId'> & { during: TimeRange }

export const occupancyRows = (appointmentId: string, occupancy: Occupancy[], expiresAt: Date | null) =>
  occupancy.map(({ during, ...resource }) => ({ appointmentId, ...resource, during: formatRange(during), expiresAt }))

/** The text form of a `tstzrange`. */
export const formatRange = ({ start, end }: TimeRange) =>
  `[${new Date(start).toISOString()},${new Date(end).toISOString()})`
