// The least that a bridge between a phone call and OpenAI Realtime can do, as a yardstick for `talkpath-bench load`:
// media messages in, 24 kHz audio to the model, and the model's audio back as media messages, on one thread with epoll.
//
//     cc -O3 -march=native -o relay relay.c -lcrypto -lm
//     ./relay PORT MODEL-PORT
//
// It has no pacing, marks, interruptions, recordings, time limits, logs or reports, checks no credentials, and trusts what
// it reads: it belongs on loopback, for a measurement. The filters have 96 taps at
// 24 kHz where Talkpath's default ones have 87.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

// The taps of one phase; a filter at 24 kHz has three times as many.
enum { TAPS = 32, RATIO = 3, FRAME = 160, ROOM = 1 << 16 };

struct side {
    int fd;
    int is_model, is_open;
    uint8_t *in, *out;
    size_t in_count, out_count;
    struct call *call;
};

struct call {
    struct side phone, model;
    char stream[64];
    size_t stream_size;
    // The last samples of each direction, before the next ones.
    float up[TAPS + ROOM / 2], down[TAPS * RATIO + ROOM / 2];
    size_t down_count;
};

static float phases[RATIO][TAPS], whole[TAPS * RATIO];
static float from_ulaw[256];
static uint8_t to_ulaw[65536];
static int8_t sextet[256];
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static int poller, model_port;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

// MARK: Tables

static void make_tables(void) {
    // A windowed sinc with its corner at 3.7 kHz.
    double sum = 0, middle = (TAPS * RATIO - 1) / 2.0, corner = 3700.0 / 24000.0;
    for (int tap = 0; tap < TAPS * RATIO; tap++) {
        double x = tap - middle, sinc = x == 0 ? 2 * corner : sin(2 * M_PI * corner * x) / (M_PI * x);
        double place = 2 * M_PI * tap / (TAPS * RATIO - 1);
        whole[tap] = sinc * (0.42 - 0.5 * cos(place) + 0.08 * cos(2 * place));
        sum += whole[tap];
    }
    for (int tap = 0; tap < TAPS * RATIO; tap++) {
        whole[tap] /= sum;
        phases[tap % RATIO][TAPS - 1 - tap / RATIO] = whole[tap] * RATIO;
    }
    for (int code = 0; code < 256; code++) {
        int bits = ~code & 0xFF, magnitude = (((bits & 0x0F) << 3) + 0x84) << ((bits & 0x70) >> 4);
        from_ulaw[code] = bits & 0x80 ? 0x84 - magnitude : magnitude - 0x84;
    }
    for (int sample = -32768; sample < 32768; sample++) {
        int sign = sample < 0 ? 0x80 : 0, magnitude = (sample < 0 ? -sample : sample) + 0x84;
        if (magnitude > 0x7FFF) magnitude = 0x7FFF;
        int exponent = 7;
        for (int mask = 0x4000; exponent > 0 && !(magnitude & mask); mask >>= 1) exponent--;
        to_ulaw[sample & 0xFFFF] = ~(sign | exponent << 4 | (magnitude >> (exponent + 3) & 0x0F));
    }
    for (int place = 0; place < 64; place++) sextet[(uint8_t)letters[place]] = place;
}

static size_t base64_encode(const uint8_t *from, size_t count, char *to) {
    char *start = to;
    for (; count >= 3; count -= 3, from += 3, to += 4) {
        uint32_t group = from[0] << 16 | from[1] << 8 | from[2];
        to[0] = letters[group >> 18], to[1] = letters[group >> 12 & 63];
        to[2] = letters[group >> 6 & 63], to[3] = letters[group & 63];
    }
    if (count) {
        uint32_t group = from[0] << 16 | (count == 2 ? from[1] << 8 : 0);
        to[0] = letters[group >> 18], to[1] = letters[group >> 12 & 63];
        to[2] = count == 2 ? letters[group >> 6 & 63] : '=', to[3] = '=';
        to += 4;
    }
    return to - start;
}

static size_t base64_decode(const char *from, size_t count, uint8_t *to) {
    uint8_t *start = to;
    size_t padding = count >= 4 ? (from[count - 1] == '=') + (from[count - 2] == '=') : 0;
    for (; count >= 4; count -= 4, from += 4, to += 3) {
        uint32_t group = sextet[(uint8_t)from[0]] << 18 | sextet[(uint8_t)from[1]] << 12
            | sextet[(uint8_t)from[2]] << 6 | sextet[(uint8_t)from[3]];
        to[0] = group >> 16, to[1] = group >> 8, to[2] = group;
    }
    return to - start - padding;
}

static int16_t clamped(float value) {
    return value > 32767 ? 32767 : value < -32768 ? -32768 : (int16_t)lrintf(value);
}

// MARK: Sockets

static void add(struct side *side) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = side};
    int one = 1;
    setsockopt(side->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(side->fd, F_SETFL, fcntl(side->fd, F_GETFL) | O_NONBLOCK);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, side->fd, &event)) fail("epoll_ctl");
    side->in = malloc(ROOM * 2);
    side->out = malloc(ROOM * 2);
}

static void close_call(struct call *call) {
    for (int is_model = 0; is_model < 2; is_model++) {
        struct side *side = is_model ? &call->model : &call->phone;
        if (side->fd < 0) continue;
        close(side->fd);
        free(side->in);
        free(side->out);
        side->fd = -1;
    }
    // Leaks the call: a later event of the same wake may still name it. A yardstick has few calls.
}

static int flush(struct side *side) {
    size_t sent = 0;
    while (sent < side->out_count) {
        ssize_t count = send(side->fd, side->out + sent, side->out_count - sent, MSG_NOSIGNAL);
        if (count > 0) sent += count;
        else if (errno == EAGAIN) usleep(1000); // On loopback the peer reads soon.
        else return -1;
    }
    side->out_count = 0;
    return 0;
}

// Begins a frame of text; the payload has its final size.
static uint8_t *begin_frame(struct side *side, size_t size) {
    uint8_t *to = side->out + side->out_count;
    size_t head = size < 126 ? 2 : 4;
    to[0] = 0x81;
    to[1] = (side->is_model ? 0x80 : 0) | (size < 126 ? size : 126);
    if (size >= 126) to[2] = size >> 8, to[3] = size;
    if (side->is_model) head += 4;
    side->out_count += head + size;
    return to + head;
}

// Masks what is sent to a server, as the protocol asks.
static void end_frame(struct side *side, uint8_t *payload, size_t size) {
    if (!side->is_model) return;
    static uint32_t seed = 1;
    seed = seed * 1664525 + 1013904223;
    memcpy(payload - 4, &seed, 4);
    uint64_t key = (uint64_t)seed << 32 | seed;
    size_t place = 0;
    for (; place + 8 <= size; place += 8) {
        uint64_t word;
        memcpy(&word, payload + place, 8);
        word ^= key;
        memcpy(payload + place, &word, 8);
    }
    for (; place < size; place++) payload[place] ^= ((uint8_t *)&seed)[place & 3];
}

static void send_text(struct side *side, const char *text) {
    size_t size = strlen(text);
    uint8_t *payload = begin_frame(side, size);
    memcpy(payload, text, size);
    end_frame(side, payload, size);
}

// MARK: Audio

static void send_audio(struct side *side, const char *head, size_t head_size, const uint8_t *audio, size_t count,
                       const char *tail, size_t tail_size) {
    size_t size = head_size + (count + 2) / 3 * 4 + tail_size;
    uint8_t *payload = begin_frame(side, size);
    memcpy(payload, head, head_size);
    size_t text = base64_encode(audio, count, (char *)payload + head_size);
    memcpy(payload + head_size + text, tail, tail_size);
    end_frame(side, payload, size);
}

static void uplink(struct call *call, const char *text, size_t size) {
    uint8_t codes[ROOM];
    int16_t samples[ROOM / 2];
    size_t count = base64_decode(text, size, codes);
    if (count == 0 || count * RATIO > ROOM / 2) return;
    for (size_t place = 0; place < count; place++) call->up[TAPS - 1 + place] = from_ulaw[codes[place]];
    for (size_t place = 0; place < count; place++)
        for (int phase = 0; phase < RATIO; phase++) {
            const float *from = call->up + place, *taps = phases[phase];
            float sum[8] = {0};
            for (int tap = 0; tap < TAPS; tap += 8)
                for (int lane = 0; lane < 8; lane++) sum[lane] += from[tap + lane] * taps[tap + lane];
            samples[place * RATIO + phase]
                = clamped(sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7]);
        }
    memmove(call->up, call->up + count, (TAPS - 1) * sizeof(float));
    static const char head[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
    send_audio(&call->model, head, sizeof head - 1, (uint8_t *)samples, count * RATIO * 2, "\"}", 2);
}

static void downlink(struct call *call, const char *text, size_t size) {
    uint8_t bytes[ROOM], codes[ROOM];
    const int taps = TAPS * RATIO;
    size_t count = base64_decode(text, size, bytes) / 2, made = 0, place = 0;
    if (call->down_count + count > ROOM / 2) return;
    for (size_t index = 0; index < count; index++) {
        int16_t sample;
        memcpy(&sample, bytes + index * 2, 2);
        call->down[call->down_count++] = sample;
    }
    for (; place + taps <= call->down_count; place += RATIO) {
        const float *from = call->down + place;
        float sum[8] = {0};
        for (int tap = 0; tap < taps; tap += 8)
            for (int lane = 0; lane < 8; lane++) sum[lane] += from[tap + lane] * whole[tap + lane];
        float value = sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
        codes[made++] = to_ulaw[(uint16_t)clamped(value)];
    }
    call->down_count -= place;
    memmove(call->down, call->down + place, call->down_count * sizeof(float));
    char head[160];
    size_t head_size = sprintf(head, "{\"event\":\"media\",\"streamSid\":\"%.*s\",\"media\":{\"payload\":\"",
                               (int)call->stream_size, call->stream);
    for (size_t from = 0; from < made; from += FRAME) {
        size_t piece = made - from < FRAME ? made - from : FRAME;
        send_audio(&call->phone, head, head_size, codes + from, piece, "\"}}", 3);
    }
}

// MARK: Messages

static const char *value(const char *text, size_t size, const char *name, size_t *length) {
    const char *found = memmem(text, size, name, strlen(name));
    if (!found) return NULL;
    found += strlen(name);
    const char *end = memchr(found, '"', text + size - found);
    if (!end) return NULL;
    *length = end - found;
    return found;
}

static void accept_key(const char *key, size_t size, char *accept) {
    char text[128];
    unsigned char digest[SHA_DIGEST_LENGTH];
    size_t count = snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)size, key);
    SHA1((unsigned char *)text, count, digest);
    accept[base64_encode(digest, sizeof digest, accept)] = 0;
}

// Opens the model's side of a call.
static int open_model(struct call *call) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(model_port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    call->model = (struct side){.fd = socket(AF_INET, SOCK_STREAM, 0), .is_model = 1, .call = call};
    if (connect(call->model.fd, (struct sockaddr *)&address, sizeof address)) return -1;
    add(&call->model);
    call->model.out_count = sprintf((char *)call->model.out,
        "GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", model_port);
    return flush(&call->model);
}

static int message(struct side *side, const char *text, size_t size) {
    struct call *call = side->call;
    size_t length;
    const char *found;
    if (side->is_model) {
        if (memmem(text, size < 60 ? size : 60, "output_audio.delta", 18)) {
            if ((found = value(text, size, "\"delta\":\"", &length))) downlink(call, found, length);
        } else if (memmem(text, size < 60 ? size : 60, "session.created", 15)) {
            send_text(side, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":"
                            "{\"type\":\"audio/pcm\",\"rate\":24000}},\"output\":{\"format\":{\"type\":\"audio/pcm\","
                            "\"rate\":24000}}}}}");
        }
        return 0;
    }
    if (memmem(text, size < 60 ? size : 60, "\"media\"", 7)) {
        found = value(text, size, "\"payload\":\"", &length);
        if (found && call->model.is_open) uplink(call, found, length);
    } else if (memmem(text, size < 60 ? size : 60, "\"start\"", 7)) {
        found = value(text, size, "\"streamSid\":\"", &length);
        if (!found || length >= sizeof call->stream) return -1;
        memcpy(call->stream, found, length);
        call->stream_size = length;
        return open_model(call);
    } else if (memmem(text, size < 60 ? size : 60, "\"stop\"", 6)) {
        return -1;
    }
    return 0;
}

// Returns the bytes of a complete frame, 0 without one, -1 to close.
static ssize_t take_frame(struct side *side, uint8_t *from, size_t count) {
    if (count < 2) return 0;
    int is_masked = from[1] >> 7;
    size_t size = from[1] & 0x7F, head = 2;
    if (size == 126) {
        if (count < 4) return 0;
        size = from[2] << 8 | from[3], head = 4;
    } else if (size == 127) {
        return -1; // Longer than any message of the bench.
    }
    uint8_t mask[4] = {0};
    if (is_masked) {
        if (count < head + 4) return 0;
        memcpy(mask, from + head, 4), head += 4;
    }
    if (count < head + size) return 0;
    if (is_masked)
        for (size_t place = 0; place < size; place++) from[head + place] ^= mask[place & 3];
    if ((from[0] & 0x0F) == 8) return -1;
    if ((from[0] & 0x0F) == 1 && message(side, (char *)from + head, size)) return -1;
    return head + size;
}

static ssize_t take_head(struct side *side) {
    side->in[side->in_count] = 0;
    char *end = strstr((char *)side->in, "\r\n\r\n");
    if (!end) return 0;
    if (!side->is_model) {
        char *key = strcasestr((char *)side->in, "sec-websocket-key:"), accept[64];
        if (!key) return -1;
        key += strlen("sec-websocket-key:");
        key += strspn(key, " ");
        accept_key(key, strcspn(key, "\r"), accept);
        side->out_count += sprintf((char *)side->out,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: %s\r\n\r\n", accept);
    }
    side->is_open = 1;
    return end + 4 - (char *)side->in;
}

static int readable(struct side *side) {
    ssize_t count = recv(side->fd, side->in + side->in_count, ROOM * 2 - 1 - side->in_count, 0);
    if (count <= 0) return errno == EAGAIN && count < 0 ? 0 : -1;
    side->in_count += count;
    size_t place = 0;
    while (place < side->in_count) {
        ssize_t taken = side->is_open ? take_frame(side, side->in + place, side->in_count - place) : take_head(side);
        if (taken < 0) return -1;
        if (taken == 0) break;
        place += taken;
    }
    side->in_count -= place;
    memmove(side->in, side->in + place, side->in_count);
    struct call *call = side->call;
    if (call->phone.out_count && flush(&call->phone)) return -1;
    if (call->model.out_count && flush(&call->model)) return -1;
    return 0;
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: relay PORT MODEL-PORT\n");
        return 64;
    }
    model_port = atoi(arguments[2]);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    make_tables();
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) fail("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    if (epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event)) fail("epoll_ctl");
    while (1) {
        int ready = epoll_wait(poller, events, 256, -1);
        for (int index = 0; index < ready; index++) {
            struct side *side = events[index].data.ptr;
            if (!side) {
                struct call *call = calloc(1, sizeof *call);
                call->phone = (struct side){.fd = accept(listener, NULL, NULL), .call = call};
                call->model.fd = -1;
                // Silence before the first sample: each 480 samples of the model make a frame.
                call->down_count = TAPS * RATIO - RATIO;
                if (call->phone.fd >= 0) add(&call->phone);
                continue;
            }
            if (side->fd >= 0 && readable(side)) close_call(side->call);
        }
    }
}
