/** How the engine process says that another one has the directory open (EX_TEMPFAIL of sysexits.h). */
export const directoryInUse = 75
