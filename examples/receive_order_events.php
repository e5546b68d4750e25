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

function handle(string $type, array $payment, string $folder): void {
    $notes = [
        'payment.successful' => 'paid', // also after payment.expired or payment.failed
        'payment.duplicate' => 'paid twice, give the money back:',
        'payment.refunded' => "$payment[refundedAmount] given back:", // the order stays paid
    ];
    if (!isset($notes[$type])) return;
    file_put_contents("$folder/orders.txt", "$notes[$type] $payment[orderId]\n", FILE_APPEND | LOCK_EX);
}

[$id, $sent_at, $signatures] = array_map(fn ($it) => $_SERVER["HTTP_WEBHOOK_$it"] ?? '', ['ID', 'TIMESTAMP', 'SIGNATURE']);
$body = file_get_contents('php://input');
if (!is_genuine($id, $sent_at, $signatures, $body, $key)) {
    http_response_code(401);
} elseif (!file_exists("$folder/$id")) { // what was told before is answered too: an error would have it sent again
    $event = json_decode($body, true);
    handle($event['type'], $event['data'], $folder);
    touch("$folder/$id");
}
