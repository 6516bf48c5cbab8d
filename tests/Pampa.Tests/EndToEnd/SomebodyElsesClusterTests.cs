using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Npgsql;
using Pampa.Chaos.Servers;
using Pampa.Chaos.Wire;
using Pampa.Servers;
using Pampa.Storage;
using Pampa.Tests.Life;

namespace Pampa.Tests.EndToEnd;

/// <summary>
/// What PAMPA_TEST_COCKROACH_URL names is reached as it says: with its password, encrypted, and whose server it is looked at. Here that is a
/// PostgreSQL behind a proxy that speaks TLS and says that it is a CockroachDB.
/// </summary>
public sealed class SomebodyElsesClusterTests(ProgramFixture programs) : IAsyncLifetime
{
    // With all that means something in a URL.
    private const string Password = "p@ss:w/rd?&=%20é;'";
    private readonly string folder = Directory.CreateTempSubdirectory("pampa-elses-").FullName;
    private PrivatePostgres? server;
    private X509Certificate2? certificate;
    private Proxy? proxy;

    public async ValueTask InitializeAsync()
    {
        if (!PrivatePostgres.IsInstalled) Assert.Skip(PrivatePostgres.Missing);
        Certificates.Make(folder, "nobody");
        var rules = Path.Combine(folder, "hba.conf");
        await File.WriteAllTextAsync(rules, "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n", TestContext.Current.CancellationToken);
        if (Environment.IsPrivilegedProcess) await Tool.RunAsync("chown", "postgres", rules);
        server = await PrivatePostgres.StartAsync(folder, "fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200", $"hba_file = '{rules}'");
        await server.ExecuteAsync($"CREATE ROLE root LOGIN SUPERUSER PASSWORD '{Password.Replace("'", "''", StringComparison.Ordinal)}'");
        certificate = X509Certificate2.CreateFromPemFile(Path.Combine(folder, "server.crt"), Path.Combine(folder, "server.key"));
        proxy = new Proxy(server.Port) { Cockroach = new Cockroach { HidesKey = true }, Certificate = certificate };
    }

    private string Url(string host = Certificates.ServerName) =>
        string.Create(CultureInfo.InvariantCulture, $"postgresql://root:{Uri.EscapeDataString(Password)}@{host}:{proxy!.Port}/postgres?sslmode=verify-full&sslrootcert={Uri.EscapeDataString(Path.Combine(folder, "ca.crt"))}");

    private static async Task<string> AskAsync(NpgsqlConnectionStringBuilder settings)
    {
        await using var connection = new NpgsqlConnection($"{settings.ConnectionString};Pooling=false");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new NpgsqlCommand("SELECT current_user || ' ' || version()", connection);
        return (string)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    [Fact]
    public async Task An_address_says_the_same_to_the_suites_to_chaos_and_to_the_programs_that_they_start()
    {
        var expected = $"root {CockroachLint.VersionText}";
        var read = Place.Parse(Url())!;
        Assert.Equal(expected, await AskAsync(read));
        var given = new NpgsqlConnectionStringBuilder(DatabaseAddress.Parse(Url()).ConnectionString);
        Assert.Equal(expected, await AskAsync(given));
        foreach (var settings in (NpgsqlConnectionStringBuilder[])[read, given])
        {
            settings.Options = "-c search_path=a,b";
            var passedOn = DatabaseAddress.Parse(Place.Url(settings, "cockroachdb"));
            Assert.IsType<CockroachDbDialect>(passedOn.Dialect);
            var there = new NpgsqlConnectionStringBuilder(passedOn.ConnectionString);
            Assert.Equal((Password, SslMode.VerifyFull, settings.Options), (there.Password, there.SslMode, there.Options));
            Assert.Equal(expected, await AskAsync(there));
        }
        // Nothing of it is idle.
        await Assert.ThrowsAnyAsync<NpgsqlException>(() => AskAsync(Place.Parse(Url("127.0.0.1"))!));
        await Assert.ThrowsAsync<PostgresException>(() => AskAsync(new NpgsqlConnectionStringBuilder(read.ConnectionString) { Password = "another" }));
    }

    [Theory]
    [InlineData("nonsense"), InlineData("postgresql://root@host/x?sslmode=perhaps"), InlineData("postgresql://root@host/x?nothing"), InlineData("Database=x")]
    public void What_is_no_address_is_none(string text) => Assert.Null(Place.Parse(text));

    // Each runs other tests, or the chaos program, in a process of its own, for minutes.
    [Theory(Explicit = true)]
    [InlineData("Pampa.Tests", "-class", "*PortableConformance", "-class", "*ReadCommittedConformance")]
    [InlineData("Pampa.Tests", "-class", "*CockroachStoriesTests", "-class", "*CockroachDbTests", "-class", "*.CreditTests", "-class", "*EndToEnd.RelaunchTests")]
    [InlineData("Pampa.Tests", "-class", "*.ClusterProcessesTests", "-class", "*.MailsTests", "-class", "*.SelectionTests", "-class", "*EndToEnd.RightsTests")]
    [InlineData("Pampa.Tests", "-namespace", "Pampa.Tests.Scenarios")]
    [InlineData("Pampa.Chaos", "--profile", "portable", "--seed", "1", "--minutes", "1")]
    public async Task A_suite_finds_its_way(string program, params string[] arguments)
    {
        var isChaos = program == "Pampa.Chaos";
        var there = isChaos ? typeof(Pampa.Chaos.Options) : typeof(SomebodyElsesClusterTests);
        var file = Path.Combine(Path.GetDirectoryName(there.Assembly.Location)!, $"{program}.dll");
        string[] more = isChaos ? [] : ["-noColor"];
        await using var child = Child.Start("dotnet", programs.NewFolder(), [file, .. arguments, .. more], [("PAMPA_TEST_COCKROACH_URL", Url())]);
        var code = await child.EndAsync(TimeSpan.FromMinutes(25));
        var refused = proxy!.Cockroach!.Refused.Select(r => $"{r.Why}: {r.Text}").Distinct();
        TestContext.Current.TestOutputHelper?.WriteLine($"{child.Said}{Environment.NewLine}Refused: {string.Join(Environment.NewLine, refused)}");
        Assert.Equal(0, code);
        Assert.DoesNotContain(Password, child.Said, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (proxy is not null) await proxy.DisposeAsync();
        certificate?.Dispose();
        if (server is not null) await server.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }
}
