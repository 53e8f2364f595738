import type { PatientDocument } from '../../../src/database/clinical-writes/insert'
import type { ClinicalSteps } from '../../../src/http/operations/clinical-mutation'

type Plan = ClinicalSteps<unknown, unknown, PatientDocument, undefined>['plan']

/**
 * Never run: a clinical write without its look-up must be a type error, since the sweeper could not settle it after a
 * crash. Should it ever compile, `bun run check` fails here.
 */
export const withoutLookUp = (plan: Plan): ClinicalSteps<unknown, unknown, PatientDocument, undefined> =>
  // @ts-expect-error: `lookUp` is missing.
  ({ plan })
