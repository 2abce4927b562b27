/* SPDX-License-Identifier: MIT */
#ifndef RUN_H
#define RUN_H

#include "options.h"

/* What wye's exit status says; wye --help has the same list. */
enum status { STATUS_FINE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NOT_OPENED = 4 };

/* Joins the endpoints until they have ended or a signal comes; answers the exit status. */
enum status run(const struct options *);

#endif
