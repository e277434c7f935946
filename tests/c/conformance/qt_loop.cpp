// Qt's loop for qt.c: moc_qt.cpp is what moc makes of the adapter, and includes it.
#include "moc_qt.cpp"

#include <QCoreApplication>
#include <QTimer>
#include <memory>
#include <vector>

static std::unique_ptr<QCoreApplication> application;
static std::unique_ptr<QTimer> tick;
static std::vector<std::unique_ptr<RedisQtAdapter>> adapters;

extern "C" {

int qt_attach(redisAsyncContext *ac) {
    std::unique_ptr<RedisQtAdapter> adapter(new RedisQtAdapter);
    if (adapter->setContext(ac) != REDIS_OK) return REDIS_ERR;
    adapters.push_back(std::move(adapter));
    return REDIS_OK;
}

/* The adapter that was made last ends before its context. */
void qt_detach(void) { adapters.pop_back(); }

void qt_once(void) { QCoreApplication::processEvents(QEventLoop::AllEvents | QEventLoop::WaitForMoreEvents); }

void qt_begin(void) {
    static int argc = 1;
    static char name[] = "qt", *argv[] = {name, nullptr};
    application.reset(new QCoreApplication(argc, argv));
    tick.reset(new QTimer);
    tick->start(20);
}

void qt_end(void) {
#ifndef HIREDIS_RS
    /* The C library's adapter writes to its context when it ends, although that is long gone. */
    for (auto &adapter : adapters) adapter.release();
#endif
    adapters.clear();
    tick.reset();
    application.reset();
}
}
