import type { PatientDocument } from '../../database/clinical-writes/insert'
import type { Deps } from '../../deps'
import type { ClinicalSteps } from './clinical-mutation'
import type { UploadedFile } from './multipart'
import type { Operation, OperationTypes } from './operation'
import { addRead, addReadOne, addStream, type OneThing, type ReadOne } from './reads'
import { type BodyOf, createRegister, type Input } from './register'
import { addClinicalMutation, addClinicalUpload, addMutation, type ByDoctor, type MutationSteps } from './writes'

/**
 * The routes of one feature: each is declared by an `operation` and answered by a short handler of one of these kinds.
 * reads.ts and writes.ts say what each kind promises.
 */
export function createRouter(deps: Deps) {
  const { app, register } = createRegister(deps)
  return {
    app,
    read: <O extends OperationTypes>(op: Operation<O>, run: Parameters<typeof addRead<O>>[2]) =>
      addRead(register, op, run),
    readOne: <O extends OneThing, Row>(op: Operation<O>, spec: ReadOne<O, Row>) => addReadOne(register, op, spec),
    stream: <O extends OperationTypes>(op: Operation<O>, run: Parameters<typeof addStream<O>>[2]) =>
      addStream(register, op, run),
    mutation: <O extends OperationTypes, Prepared = undefined>(
      op: Operation<O>,
      steps: MutationSteps<O, Prepared> | MutationSteps<O, undefined>['run'],
    ) => addMutation(register, op, steps),
    clinicalMutation: <O extends ByDoctor, D extends PatientDocument, Prepared = undefined>(
      op: Operation<O>,
      steps: ClinicalSteps<Input<O>, BodyOf<O>, D, Prepared>,
    ) => addClinicalMutation(register, deps.clinicalLookUps, op, steps),
    clinicalUpload: <O extends ByDoctor, D extends PatientDocument, Prepared>(
      op: Operation<O>,
      steps: ClinicalSteps<Input<O> & { file: UploadedFile }, BodyOf<O>, D, Prepared>,
    ) => addClinicalUpload(register, deps.clinicalLookUps, op, steps),
  }
}
