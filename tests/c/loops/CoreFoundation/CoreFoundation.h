/* Declarations of what adapters/macosx.h uses of CoreFoundation: enough to compile it where there is no macOS. */
#ifndef TESTS_LOOPS_COREFOUNDATION_H
#define TESTS_LOOPS_COREFOUNDATION_H

#define __unused __attribute__((unused)) /* as in macOS's own headers */

#ifdef __cplusplus
extern "C" {
#endif

typedef const void *CFTypeRef;
typedef const struct __CFAllocator *CFAllocatorRef;
typedef const struct __CFData *CFDataRef;
typedef const struct __CFString *CFStringRef;
typedef struct __CFRunLoop *CFRunLoopRef;
typedef struct __CFRunLoopSource *CFRunLoopSourceRef;
typedef struct __CFRunLoopTimer *CFRunLoopTimerRef;
typedef struct __CFSocket *CFSocketRef;
typedef CFStringRef CFRunLoopMode;
typedef unsigned long CFOptionFlags;
typedef long CFIndex;
typedef double CFTimeInterval;
typedef CFTimeInterval CFAbsoluteTime;
typedef int CFSocketNativeHandle;

typedef CFOptionFlags CFSocketCallBackType;
enum { kCFSocketReadCallBack = 1, kCFSocketWriteCallBack = 8 };
enum { kCFSocketAutomaticallyReenableReadCallBack = 1, kCFSocketAutomaticallyReenableWriteCallBack = 8 };

typedef void (*CFSocketCallBack)(CFSocketRef, CFSocketCallBackType, CFDataRef, const void *, void *);
typedef void (*CFRunLoopTimerCallBack)(CFRunLoopTimerRef, void *);

typedef struct {
    CFIndex version;
    void *info;
    const void *(*retain)(const void *);
    void (*release)(const void *);
    CFStringRef (*copyDescription)(const void *);
} CFSocketContext, CFRunLoopTimerContext;

extern const CFRunLoopMode kCFRunLoopDefaultMode;

CFAbsoluteTime CFAbsoluteTimeGetCurrent(void);
CFSocketRef CFSocketCreateWithNative(CFAllocatorRef, CFSocketNativeHandle, CFOptionFlags, CFSocketCallBack, const CFSocketContext *);
void CFSocketSetSocketFlags(CFSocketRef, CFOptionFlags);
void CFSocketEnableCallBacks(CFSocketRef, CFOptionFlags);
void CFSocketDisableCallBacks(CFSocketRef, CFOptionFlags);
void CFSocketInvalidate(CFSocketRef);
CFRunLoopSourceRef CFSocketCreateRunLoopSource(CFAllocatorRef, CFSocketRef, CFIndex);
CFRunLoopTimerRef CFRunLoopTimerCreate(CFAllocatorRef, CFAbsoluteTime, CFTimeInterval, CFOptionFlags, CFIndex, CFRunLoopTimerCallBack,
                                       CFRunLoopTimerContext *);
void CFRunLoopTimerSetNextFireDate(CFRunLoopTimerRef, CFAbsoluteTime);
void CFRunLoopTimerInvalidate(CFRunLoopTimerRef);
void CFRunLoopAddTimer(CFRunLoopRef, CFRunLoopTimerRef, CFRunLoopMode);
void CFRunLoopAddSource(CFRunLoopRef, CFRunLoopSourceRef, CFRunLoopMode);
void CFRunLoopSourceInvalidate(CFRunLoopSourceRef);
void CFRelease(CFTypeRef);

#ifdef __cplusplus
}
#endif

#endif
