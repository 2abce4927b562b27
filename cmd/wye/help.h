/* SPDX-License-Identifier: MIT */
#ifndef HELP_H
#define HELP_H

#include <stdio.h>

void help_short(FILE *); /* what it is, how it is called, examples */
void help_full(FILE *);

#endif
