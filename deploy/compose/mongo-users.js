// Runs once, as root in mongosh, when the volume of MongoDB is created: the API may add audit events, but neither change nor
// delete them. The user `clinic_maintenance` is for pruning and audit:reconcile.
const { MONGODB_PASSWORD, MONGODB_MAINTENANCE_PASSWORD } = process.env
const admin = db.getSiblingDB('admin')

const on = (collection, ...actions) => ({ resource: { db: 'clinic', collection }, actions })
const prepare = ['find', 'createCollection', 'createIndex', 'listIndexes']
const trail = ['audit_logs', 'audit_logs_aside']
const documents = ['medical_records', 'prescriptions', 'attachments.files', 'attachments.chunks', 'attachment_uploads']

admin.createRole({
  role: 'clinicApi',
  privileges: [
    on('audit_logs', ...prepare, 'insert'),
    on('audit_logs_aside', ...prepare),
    // `remove`: of uploads that nobody finished, and of the documents of erased patients after RECORDS_RETENTION.
    ...documents.map((name) => on(name, ...prepare, 'insert', 'update', 'remove')),
  ],
  roles: [],
})
admin.createRole({
  role: 'clinicMaintenance',
  privileges: [
    ...trail.map((name) => on(name, 'insert', 'update', 'remove')),
    ...[...trail, ...documents].map((name) => on(name, 'dropIndex')),
  ],
  roles: ['clinicApi'],
})
admin.createUser({ user: 'clinic', pwd: MONGODB_PASSWORD, roles: ['clinicApi'] })
admin.createUser({ user: 'clinic_maintenance', pwd: MONGODB_MAINTENANCE_PASSWORD, roles: ['clinicMaintenance'] })
