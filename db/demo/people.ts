/** The people and clinics of the demo data. All names are invented. */

export const CLINICS = [
  {
    name: 'Harbor Clinic',
    timeZone: 'America/New_York',
    currency: 'USD',
    address: '12 Pier Street, New York',
    phone: '+1 212 555 0100',
    price: 9500,
  },
  {
    name: 'Rheinufer Praxis',
    timeZone: 'Europe/Berlin',
    currency: 'EUR',
    address: 'Uferweg 4, Köln',
    phone: '+49 221 5550100',
    price: 8000,
  },
] as const

export const SPECIALIZATIONS = [
  'Cardiology',
  'Dermatology',
  'General Practice',
  'Neurology',
  'Orthopedics',
  'Pediatrics',
] as const

/** One doctor per specialization and clinic; the first one is doctor@demo.clinic. */
export const DOCTORS = [
  ['Dr. Grace Lindqvist', 'Dr. Omar Haddad', 'Dr. Wei Zhang', 'Dr. Priya Raman', 'Dr. Lucas Moreau', 'Dr. Ana Silva'],
  [
    'Dr. Jonas Weber',
    'Dr. Elif Aydin',
    'Dr. Marta Kowalska',
    'Dr. Tobias Brandt',
    'Dr. Sofia Rossi',
    'Dr. Nora Keller',
  ],
] as const

/** The first is patient@demo.clinic, the guardian of the last, a child without an account, and a ward of the second. */
export const PATIENTS = [
  'Ada Whitfield',
  'Benjamin Osei',
  'Clara Jensen',
  'Dmitri Volkov',
  'Elena Marchetti',
  'Farid Nasser',
  'Greta Holm',
  'Hugo Fernández',
  'Ines Carvalho',
  'Jamal Carter',
  'Keiko Tanaka',
  'Liam O’Connor',
  'Mina Park',
  'Nadia Petrova',
  'Oscar Lund',
  'Paula Schneider',
  'Quentin Dubois',
  'Rosa Delgado',
  'Samuel Abebe',
  'Tara Whitfield',
] as const

export const HOURS = [
  ...[1, 2, 3, 4, 5].flatMap((weekday) => [
    { weekday, start: '09:00', end: '12:00' },
    { weekday, start: '13:00', end: '17:00' },
  ]),
  { weekday: 6, start: '09:00', end: '13:00' },
]

export const COMPLAINTS = [
  { title: 'Seasonal allergies', assessment: 'Allergic rhinitis', medicine: 'Cetirizine', dosage: '10 mg' },
  { title: 'Raised blood pressure', assessment: 'Essential hypertension', medicine: 'Lisinopril', dosage: '10 mg' },
  { title: 'Lower back pain', assessment: 'Muscular strain', medicine: 'Ibuprofen', dosage: '400 mg' },
  { title: 'Recurring headaches', assessment: 'Tension headache', medicine: 'Paracetamol', dosage: '500 mg' },
  { title: 'Dry skin', assessment: 'Atopic dermatitis', medicine: 'Hydrocortisone cream', dosage: '1 %' },
] as const
