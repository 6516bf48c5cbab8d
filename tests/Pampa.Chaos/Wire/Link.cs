using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Pampa.Chaos.Wire;

/// <summary>One client and its connection to the server.</summary>
internal sealed class Link(Proxy proxy, Socket client) : IDisposable
{
    private const int EncryptionRequest = 80877103;
    private const int GssEncryptionRequest = 80877104;
    private const int CancelRequest = 80877102;

    private readonly Socket server = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Dictionary<string, StatementKinds> prepared = [];
    private readonly Queue<(WireAct? Act, string SqlState)> outstanding = [];
    private CockroachSession? cockroach;
    private volatile char status = 'I';

    // What becomes of the request is no client's business any more; its own connection is gone.
    private volatile bool isOrphan;

    // The server has forgotten it, and it does not know that.
    private volatile bool isDeaf;

    private volatile bool listens;

    /// <summary>Whether the server tells the client what others say.</summary>
    public bool IsHearing => listens && !isDeaf;

    /// <summary>From now on it is half open: the server's end is gone, and the client's, which nobody tells, gets no answer to anything.</summary>
    public void Deafen()
    {
        isDeaf = true;
        server.Dispose();
    }

    /// <summary>How the client calls itself.</summary>
    public string Application { get; private set; } = "";

    public void Dispose() => server.Dispose();

    public void Abort()
    {
        foreach (var socket in (Socket[])[client, .. isOrphan ? Array.Empty<Socket>() : [server]])
        {
            try
            {
                // A reset and no farewell.
                if (socket.Connected) socket.LingerState = new LingerOption(true, 0);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                // Its own end was quicker: there is nothing left to reset.
            }
            socket.Dispose();
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        await using var plain = new NetworkStream(client);
        if (await HandshakeAsync(plain, stopping) is not var (fromClient, reader, startup)) return;
        await using var closing = fromClient;
        await proxy.PassAsync(Application, stopping);
        await server.ConnectAsync(proxy.ServerHost, proxy.ServerPort, stopping);
        await using var toServer = new NetworkStream(server);
        await toServer.WriteAsync(startup, stopping);
        if (Code(startup) == CancelRequest) return;
        var back = AnswersAsync(toServer, fromClient, stopping);
        try
        {
            await RequestsAsync(reader, toServer, fromClient, stopping);
        }
        finally
        {
            if (!isOrphan) Abort();
            await back.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static int Code(byte[] startup) => BinaryPrimitives.ReadInt32BigEndian(startup.AsSpan(4));

    private async Task<(Stream FromClient, FrameReader Reader, byte[] Startup)?> HandshakeAsync(Stream stream, CancellationToken stopping)
    {
        var reader = new FrameReader(stream);
        while (await reader.ReadStartupAsync(stopping) is { } startup)
        {
            if (proxy.IsHalfOpen)
            {
                while (proxy.IsHalfOpen) await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, stopping);
                return null;
            }
            if (Code(startup) == EncryptionRequest && proxy.Certificate is { } certificate)
            {
                await stream.WriteAsync(Forged.Yes, stopping);
                var encrypted = new SslStream(stream);
                await encrypted.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate }, stopping);
                (stream, reader) = (encrypted, new FrameReader(encrypted));
                continue;
            }
            if (Code(startup) is EncryptionRequest or GssEncryptionRequest)
            {
                await stream.WriteAsync(Forged.No, stopping);
                continue;
            }
            if (Code(startup) != CancelRequest)
            {
                Application = In(startup, "application_name");
                if (proxy.Cockroach is { } like) cockroach = new CockroachSession(like, In(startup, "database"));
            }
            if (proxy.Refusal is not { } state) return (stream, reader, startup);
            proxy.ForgedErrors.AddOrUpdate(state, 1, (_, n) => n + 1);
            await stream.WriteAsync(Forged.Error("FATAL", state), stopping);
            return null;
        }
        return null;
    }

    private static string In(byte[] startup, string name)
    {
        var texts = Encoding.UTF8.GetString(startup.AsSpan(8)).Split('\0');
        var at = Array.IndexOf(texts, name);
        return at >= 0 ? texts[at + 1] : "";
    }

    private async Task RequestsAsync(FrameReader reader, NetworkStream toServer, Stream toClient, CancellationToken stopping)
    {
        using var request = new MemoryStream();
        var kinds = StatementKinds.None;
        while (await reader.ReadAsync(stopping) is { } frame)
        {
            kinds |= KindsOf(frame);
            if (isDeaf) continue;
            request.Write((cockroach?.Look(frame) ?? frame).Bytes.Span);
            var ends = frame.Type is 'S' or 'Q';
            if (!ends && frame.Type is not ('X' or 'H' or 'p' or 'f' or 'c' or 'd')) continue;
            await proxy.PassAsync(Application, stopping);
            var bytes = request.ToArray();
            var isSent = ends ? await RequestAsync(bytes, kinds, toServer, toClient, stopping) : await SendAsync(toServer, bytes, stopping);
            if (!isSent) return;
            request.SetLength(0);
            if (ends) kinds = StatementKinds.None;
        }
    }

    private StatementKinds KindsOf(Frame frame)
    {
        switch (frame.Type)
        {
            case 'Q':
                return Look(frame.Text());
            case 'P':
                prepared[frame.Text()] = Look(frame.Text(skip: 1));
                return StatementKinds.None;
            case 'B':
                return prepared.GetValueOrDefault(frame.Text(skip: 1), StatementKinds.Other);
            default:
                return StatementKinds.None;
        }
    }

    private StatementKinds Look(string text)
    {
        listens |= StatementShape.IsListen(text);
        return StatementShape.Of(text);
    }

    private static async Task<bool> SendAsync(NetworkStream stream, byte[] bytes, CancellationToken stopping)
    {
        await stream.WriteAsync(bytes, stopping);
        return true;
    }

    // False: the connection is over.
    private async Task<bool> RequestAsync(byte[] bytes, StatementKinds kinds, NetworkStream toServer, Stream toClient, CancellationToken stopping)
    {
        var isAlone = IsIdle;
        var verdict = cockroach?.Judge(isAlone, status) ?? default;
        if (verdict.Act is not null)
        {
            lock (outstanding) outstanding.Enqueue((verdict.Act, verdict.SqlState));
            return await SendAsync(toServer, verdict.Instead is { } instead ? Forged.Query(instead) : bytes, stopping);
        }
        var rule = proxy.Match(Application, kinds);
        // Within a transaction a forged error would have to end it, too.
        var act = rule?.Act is WireAct.FailBefore or WireAct.FailAfter && (!isAlone || status != 'I') ? WireAct.LoseAnswer : rule?.Act;
        if (act is WireAct.FailBefore or WireAct.FailAfter) proxy.ForgedErrors.AddOrUpdate(rule!.SqlState, 1, (_, n) => n + 1);
        switch (act)
        {
            case WireAct.Cut:
                return false;
            case WireAct.DeliverLate:
                isOrphan = true;
                Abort();
                await Task.Delay(rule!.Time, TimeProvider.System, stopping);
                await toServer.WriteAsync(bytes, stopping);
                await toServer.WriteAsync(Forged.Terminate, stopping);
                return false;
            case WireAct.FailBefore:
                await toClient.WriteAsync(Forged.Error("ERROR", rule!.SqlState), stopping);
                await toClient.WriteAsync(Forged.Ready('I'), stopping);
                return true;
            case WireAct.Delay:
                await Task.Delay(rule!.Time, TimeProvider.System, stopping);
                break;
        }
        lock (outstanding) outstanding.Enqueue((act, rule?.SqlState ?? ""));
        return await SendAsync(toServer, bytes, stopping);
    }

    private bool IsIdle
    {
        get
        {
            lock (outstanding) return outstanding.Count == 0;
        }
    }

    private (WireAct? Act, string SqlState) Head()
    {
        lock (outstanding) return outstanding.TryPeek(out var head) ? head : default;
    }

    private async Task AnswersAsync(NetworkStream fromServer, Stream toClient, CancellationToken stopping)
    {
        try
        {
            var reader = new FrameReader(fromServer);
            using var ready = new MemoryStream();
            var answer = new Answer();
            while (await reader.ReadAsync(stopping) is { } frame)
            {
                var (act, state) = Head();
                var isEnd = frame.Type == 'Z';
                if (isEnd)
                {
                    status = (char)frame.Body[0];
                    lock (outstanding) outstanding.TryDequeue(out _);
                }
                if (isOrphan) continue;
                if (act == WireAct.LoseAnswer)
                {
                    if (isEnd) return;
                    continue;
                }
                if (isEnd && answer.Fails(act))
                {
                    if (act == WireAct.FailIfLarge || cockroach is not null) proxy.Cockroach?.Fail(state);
                    ready.Write(Forged.Error("ERROR", state));
                }
                if (frame.Type == 'K' && proxy.Cockroach is { HidesKey: true }) continue;
                if (answer.Passes(act, frame)) ready.Write(frame.Bytes.Span);
                if (isEnd) answer = new Answer();
                if (reader.HasMore && ready.Length < 64 * 1024) continue;
                await proxy.PassAsync(Application, stopping);
                await toClient.WriteAsync(ready.ToArray(), stopping);
                ready.SetLength(0);
            }
        }
        finally
        {
            if (isOrphan) server.Dispose();
            else if (!isDeaf) Abort();
        }
    }

    /// <summary>The answer to one request, as far as it has come.</summary>
    private sealed class Answer
    {
        private int rows;
        private bool hasError;

        /// <summary>Whether it ends with an error that the server has not sent.</summary>
        public bool Fails(WireAct? act) => !hasError && (act == WireAct.FailAfter || (act == WireAct.FailIfLarge && rows > Cockroach.KeptBytes));

        /// <summary>Whether the client gets a part of it.</summary>
        public bool Passes(WireAct? act, Frame frame)
        {
            hasError |= frame.Type == 'E';
            if (frame.Type == 'D') rows += frame.Bytes.Length;
            return act switch
            {
                WireAct.Replace => frame.Type is 'E' or 'Z',
                WireAct.FailIfLarge => frame.Type == 'Z' || rows <= Cockroach.KeptBytes,
                _ => true,
            };
        }
    }
}
