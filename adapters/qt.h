/* adapters/qt.h: drives asynchronous contexts with the event loop of Qt 5 or Qt 6.
 *
 *     RedisQtAdapter adapter;
 *     redisAsyncContext *ac = redisAsyncConnect("127.0.0.1", 6379);
 *     adapter.setContext(ac);
 *     app.exec();
 *
 * For Q_OBJECT, moc must run on this header; qmake does so where it is among HEADERS, CMake with AUTOMOC.
 *
 * An adapter drives one context at a time, in the thread it lives in. Either may end first: a context whose adapter is
 * gone is not attached. */

#ifndef __HIREDIS_QT_H__
#define __HIREDIS_QT_H__

#include "../async.h"
#include "../hiredis.h"
#include <QObject>
#include <QSocketNotifier>
#include <QTimer>
#include <limits>

class RedisQtAdapter : public QObject {
    Q_OBJECT

  public:
    RedisQtAdapter(QObject *parent = nullptr) : QObject(parent), timer(this) {
        timer.setSingleShot(true);
        timer.setTimerType(Qt::PreciseTimer);
        connect(&timer, SIGNAL(timeout()), this, SLOT(timeout()));
    }

    RedisQtAdapter(const RedisQtAdapter &) = delete;
    RedisQtAdapter &operator=(const RedisQtAdapter &) = delete;

    /* A context that is still there goes on without a loop, and may be given another. */
    ~RedisQtAdapter() override {
        if (context != nullptr) context->ev = redisAsyncEvents();
    }

    /* REDIS_ERR, and the context as it was, when it is attached already or this adapter has another. */
    int setContext(redisAsyncContext *ac) {
        if (ac->ev.data != nullptr || context != nullptr) return REDIS_ERR;
        context = ac;
        reading = notifier(QSocketNotifier::Read, SLOT(read()));
        writing = notifier(QSocketNotifier::Write, SLOT(write()));

        ac->ev.addRead = [](void *data) { static_cast<RedisQtAdapter *>(data)->reading->setEnabled(true); };
        ac->ev.delRead = [](void *data) { static_cast<RedisQtAdapter *>(data)->reading->setEnabled(false); };
        ac->ev.addWrite = [](void *data) { static_cast<RedisQtAdapter *>(data)->writing->setEnabled(true); };
        ac->ev.delWrite = [](void *data) { static_cast<RedisQtAdapter *>(data)->writing->setEnabled(false); };
        ac->ev.scheduleTimer = [](void *data, timeval tv) { static_cast<RedisQtAdapter *>(data)->schedule(tv); };
        ac->ev.cleanup = [](void *data) { static_cast<RedisQtAdapter *>(data)->cleanup(); };
        ac->ev.data = this;
        ac->c.flags |= REDIS_TIMER_ALONE;
        /* A descriptor that is watched, or a context that comes from another loop. */
        if (ac->c.flags & REDIS_CONNECTED) reading->setEnabled(true);
        return REDIS_OK;
    }

  private Q_SLOTS:
    /* Each is its last act: the call may free the context, and its callbacks may delete this adapter. */
    void read() {
        if (context != nullptr) redisAsyncHandleRead(context);
    }

    void write() {
        if (context != nullptr) redisAsyncHandleWrite(context);
    }

    /* One-shot: redisAsyncHandleTimeout decides whether the time is up, and schedules again if it is not. */
    void timeout() {
        if (context != nullptr) redisAsyncHandleTimeout(context);
    }

  private:
    redisAsyncContext *context = nullptr; /* null again after the cleanup hook */
    QSocketNotifier *reading = nullptr;
    QSocketNotifier *writing = nullptr;
    QTimer timer;

    /* Off until it is asked for. */
    QSocketNotifier *notifier(QSocketNotifier::Type type, const char *slot) {
        QSocketNotifier *made = new QSocketNotifier(context->c.fd, type, this);
        made->setEnabled(false);
        connect(made, SIGNAL(activated(int)), this, slot);
        return made;
    }

    /* In milliseconds, rounded up: a deadline must have passed when it is reported. Beyond an int it is set again. */
    void schedule(timeval tv) {
        const qint64 most = std::numeric_limits<int>::max();
        const qint64 ms = qint64(tv.tv_sec) * 1000 + (qint64(tv.tv_usec) + 999) / 1000;
        timer.start(int(ms < most ? ms : most));
    }

    /* The descriptor is about to be closed. A notifier whose slot is running is deleted later. */
    void cleanup() {
        timer.stop();
        for (QSocketNotifier *notifier : {reading, writing}) {
            notifier->setEnabled(false);
            notifier->deleteLater();
        }
        reading = writing = nullptr;
        context = nullptr;
    }
};

#endif
