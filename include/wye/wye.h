/* SPDX-License-Identifier: MIT */
/* wye/wye.h: all of libwye. */
#ifndef WYE_H
#define WYE_H

#include <wye/error.h>
#include <wye/hub.h>
#include <wye/loop.h>
#include <wye/pool.h>

#define WYE_VERSION_HEX 0x000100
#define WYE_VERSION	"0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that is loaded; WYE_VERSION is the one compiled against. */
WYE_API const char *wye_version(void);

#ifdef __cplusplus
}
#endif
#endif
