<?php
// Takes order events at a shop: ORDER_EVENTS_KEY=whsec_… EVENTS_DIR=events php -S 127.0.0.1:3000 receive_order_events.php
// Files stand for the shop's database, where the order and the event's id are written in one transaction.
$key = base64_decode(substr(getenv('ORDER_EVENTS_KEY'), strlen('whsec_')));
$folder = getenv('EVENTS_DIR');

function is_genuine(string $id, string $sent_at, string $signatures, string $body, string $key): bool {
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sent_at.$body", $key, true));
    $is_fresh = ctype_digit($sent_at) && abs(time() - (int) $sent_at) <= 300;
    return $is_fresh && array_filter(explode(' ', $signatures), fn ($it) => hash_equals($expected, $it));
}

function handle(array $event, string $folder): void {
    $note = fn ($line) => file_put_contents("$folder/orders.txt", "$line\n", FILE_APPEND | LOCK_EX);
    if ($event['status'] === 'SUCCESSFUL') $note("paid $event[orderId]"); // also after payment.expired or payment.failed
    if ($event['duplicate']) $note("paid twice, give the money back: $event[orderId]");
}

[$id, $sent_at, $signatures] = array_map(fn ($it) => $_SERVER["HTTP_WEBHOOK_$it"] ?? '', ['ID', 'TIMESTAMP', 'SIGNATURE']);
$body = file_get_contents('php://input');
if (!is_genuine($id, $sent_at, $signatures, $body, $key)) {
    http_response_code(401);
} elseif (!file_exists("$folder/$id")) { // what was told before is answered too: an error would have it sent again
    handle(json_decode($body, true)['data'], $folder);
    touch("$folder/$id");
}
