<?php
// Calls the API as a shop's server: API_URL=http://localhost:8000 MERCHANT_API_KEY=… php call_api.php CALL
// The calls: initiate order-1 5000 237677777777, current order-1, status order-1, tracking REFERENCE, link order-1 5000,
// cancel LINK_URL, events 2026-01-15T10:00:00Z
function call(string $method, string $path, ?array $body = null, string ...$headers): ?array {
    $headers = ['X-Api-Key: ' . getenv('MERCHANT_API_KEY'), 'Content-Type: application/json', ...$headers];
    $content = $body === null ? '' : json_encode($body);
    $http = ['method' => $method, 'header' => $headers, 'content' => $content, 'timeout' => 30, 'ignore_errors' => true];
    $answer = file_get_contents(getenv('API_URL') . "/api/payment$path", false, stream_context_create(['http' => $http]));
    $status = (int) explode(' ', $http_response_header[0])[1];
    $told = json_decode($answer, true);
    if ($status >= 400) {
        fwrite(STDERR, "$status $told[code]\n");
        exit(1);
    }
    return $told;
}

// Starts a payment. The key is the attempt's own: the same call again, after no answer, charges nobody twice.
function initiate(string $order_id, string $amount, string $phone_number): void {
    $order = ['orderId' => $order_id, 'amount' => (int) $amount, 'currency' => 'XAF', 'phoneNumber' => $phone_number];
    $payment = call('POST', '/initiate', $order, "Idempotency-Key: $order_id-attempt-1");
    echo "$payment[status] $payment[reference]\n";
}

// Looks for the payment that an order has, paid or in progress. Its trackingToken opens it to the shop's page.
function current_payment(string $order_id): void { // `current` is a function of PHP's own
    $payment = call('GET', '/current?' . http_build_query(['orderId' => $order_id]));
    echo $payment ? "$payment[status] $payment[reference]" : 'none', "\n";
}

function status(string $order_id): void {
    echo call('GET', '/status/' . rawurlencode($order_id))['status'], "\n";
}

// Asks for one payment, which may be another attempt than the order's status is of.
function tracking(string $reference): void {
    echo call('GET', "/tracking/$reference")['status'], "\n";
}

function payment_link(string $order_id, string $amount): void { // `link` is a function of PHP's own
    echo call('POST', '/links', ['orderId' => $order_id, 'amount' => (int) $amount, 'currency' => 'XAF'])['url'], "\n";
}

// Cancels a payment link. What is on a phone already goes on.
function cancel(string $link_url): void {
    echo call('DELETE', '/links/' . basename($link_url))['status'], "\n";
}

// Takes the order events since the last run, or since a time. A shop keeps the cursor with what the events did.
function events(string $since): void {
    $wanted = file_exists('cursor.txt') ? ['after' => file_get_contents('cursor.txt')] : ['since' => $since];
    do {
        $page = call('GET', '/events?' . http_build_query($wanted));
        foreach ($page['events'] as $event) echo "$event[id] $event[type] {$event['data']['orderId']}\n";
        file_put_contents('cursor.txt', $page['next']);
        $wanted = ['after' => $page['next']];
    } while ($page['hasMore']);
}

$calls = ['current' => 'current_payment', 'link' => 'payment_link'];
foreach (['initiate', 'status', 'tracking', 'cancel', 'events'] as $name) $calls[$name] = $name;
$calls[$argv[1]](...array_slice($argv, 2));
