import type { PatientDocument } from '../../database/clinical-writes/insert'
import type { Deps } from '../../deps'
import { type BodyOf, createOperationApp, type Input } from './add-operation'
import type { ClinicalSteps } from './clinical-mutation'
import type { UploadedFile } from './multipart'
import type { Operation, OperationTypes } from './operation'
import { addRead, addReadOne, addStream, type OneThing, type ReadOne } from './reads'
import type { ReplayRule } from './replay'
import { addClinicalMutation, addClinicalUpload, addMutation, type DoctorOperation, type MutationSteps } from './writes'

/**
 * The routes of one feature. Each is declared by an `operation` and answered by a short handler of one of these kinds,
 * which reads.ts and writes.ts describe. A write names its `ReplayRule`: who gets its stored answer again.
 */
export function createRouter(deps: Deps) {
  const { app, addOperation } = createOperationApp(deps)
  return {
    app,
    read: <O extends OperationTypes>(op: Operation<O>, run: Parameters<typeof addRead<O>>[2]) =>
      addRead(addOperation, op, run),
    readOne: <O extends OneThing, Row>(op: Operation<O>, spec: ReadOne<O, Row>) => addReadOne(addOperation, op, spec),
    stream: <O extends OperationTypes>(op: Operation<O>, run: Parameters<typeof addStream<O>>[2]) =>
      addStream(addOperation, op, run),
    mutation: <O extends OperationTypes, Prepared = undefined>(
      op: Operation<O>,
      rule: ReplayRule<NoInfer<Prepared>>,
      steps: MutationSteps<O, Prepared> | MutationSteps<O, undefined>['run'],
    ) => addMutation(addOperation, op, rule, steps),
    clinicalMutation: <O extends DoctorOperation, D extends PatientDocument, Prepared = undefined>(
      op: Operation<O>,
      rule: ReplayRule<NoInfer<Prepared>>,
      steps: ClinicalSteps<Input<O>, BodyOf<O>, D, Prepared>,
    ) => addClinicalMutation(addOperation, deps.clinicalLookUps, op, rule, steps),
    clinicalUpload: <O extends DoctorOperation, D extends PatientDocument, Prepared>(
      op: Operation<O>,
      rule: ReplayRule<NoInfer<Prepared>>,
      steps: ClinicalSteps<Input<O> & { file: UploadedFile }, BodyOf<O>, D, Prepared>,
    ) => addClinicalUpload(addOperation, deps.clinicalLookUps, op, rule, steps),
  }
}
